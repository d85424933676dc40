from collections.abc import Sequence
from pathlib import Path

import pytest

from metrics.tiny_checkpoints import write_bleurt
from radtune.config.metrics import MetricName, MetricSettings
from radtune.metrics.contract import Resources, Result, Sample
from radtune.metrics.score import evaluate_metric
from radtune.metrics.stored_scores import StoredScores

SAMPLES = [
    Sample(str(index), "caption", text, "Axial CT.") for index, text in enumerate(("CT.", "MRI of the brain.", "", "A mass."))
]


class Counted:
    """The real evaluation, which notes how many samples it is given."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def __call__(self, name: MetricName, samples: Sequence[Sample], resources: Resources) -> Result:
        self.counts.append(len(samples))
        return evaluate_metric(name, samples, resources)


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    folder = write_bleurt(tmp_path_factory.mktemp("bleurt"))
    return Resources(MetricSettings(bleurt_source=f"path:{folder}", threads=1), folder, None, None, folder)


def test_only_new_captions_are_computed(tmp_path: Path, resources: Resources) -> None:
    whole = evaluate_metric("bleurt", SAMPLES, resources)
    counted = Counted()
    stored = StoredScores(tmp_path, {"references": "1"}, counted)
    first = stored.evaluate("bleurt", SAMPLES[:2], resources)
    second = stored.evaluate("bleurt", SAMPLES[::-1], resources)
    third = stored.evaluate("bleurt", SAMPLES, resources)
    assert counted.counts == [2, 2, 1]  # of the third call one caption only, for its signature
    assert first.values["bleurt"] == pytest.approx(whole.values["bleurt"][:2], abs=1e-6)
    assert third.values["bleurt"] == pytest.approx(whole.values["bleurt"], abs=1e-6)
    assert third.values["bleurt"] == second.values["bleurt"][::-1]
    assert third.signature == whole.signature
    changed = [*SAMPLES[:3], Sample("3", "caption", "Another mass.", "Axial CT.")]
    stored.evaluate("bleurt", changed, resources)
    assert counted.counts[3:] == [1]


def test_another_checkpoint_or_other_conditions_are_computed_anew(
    tmp_path: Path, resources: Resources, tmp_path_factory: pytest.TempPathFactory
) -> None:
    counted = Counted()
    StoredScores(tmp_path, {"references": "1"}, counted).evaluate("bleurt", SAMPLES, resources)
    StoredScores(tmp_path, {"references": "2"}, counted).evaluate("bleurt", SAMPLES, resources)
    assert counted.counts == [4, 4]
    copy = write_bleurt(tmp_path_factory.mktemp("copy"))  # another source, so another signature
    moved = Resources(MetricSettings(bleurt_source=f"path:{copy}", threads=1), copy, None, None, copy)
    StoredScores(tmp_path, {"references": "1"}, counted).evaluate("bleurt", SAMPLES, moved)
    assert counted.counts[2:] == [1, 4]


def test_a_spoilt_file_is_replaced(tmp_path: Path, resources: Resources) -> None:
    counted = Counted()
    stored = StoredScores(tmp_path, {}, counted)
    expected = stored.evaluate("bleurt", SAMPLES, resources).values
    (file,) = (tmp_path / "bleurt").iterdir()
    file.write_bytes(file.read_bytes()[:20])
    assert stored.evaluate("bleurt", SAMPLES, resources).values == expected
    assert counted.counts == [4, 4]


def test_text_metrics_are_not_kept(tmp_path: Path, resources: Resources) -> None:
    StoredScores(tmp_path, {}, evaluate_metric).evaluate("cider", SAMPLES, resources)
    assert not list(tmp_path.iterdir())
