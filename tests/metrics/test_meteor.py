import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from radtune.config.metrics import MetricSettings
from radtune.errors import WeightsError
from radtune.metrics.contract import Resources, Sample
from radtune.metrics.meteor import meteor


@pytest.mark.skipif(shutil.which("java") is None, reason="METEOR is a Java program")
def test_golden_values_by_the_authors_own_program(
    golden_samples: list[Sample], text_resources: Resources, weights_cache: Path
) -> None:
    samples = [*golden_samples, Sample("empty", "caption", "", "")]
    result = meteor(samples, replace(text_resources, weights_cache=weights_cache))
    assert result.values["meteor"] == pytest.approx([0.375081, 0.081042, 0.149138, 0], abs=1e-6)
    assert result.totals["meteor"] == pytest.approx(0.182892, abs=1e-6)


def test_a_folder_without_the_program_makes_it_unavailable(
    golden_samples: list[Sample], text_resources: Resources, tmp_path: Path
) -> None:
    resources = replace(text_resources, settings=MetricSettings(meteor_source=f"path:{tmp_path}"))
    with pytest.raises(WeightsError, match=r"no meteor-1\.5\.jar"):
        meteor(golden_samples, resources)


def test_another_program_is_not_run(golden_samples: list[Sample], text_resources: Resources, tmp_path: Path) -> None:
    (tmp_path / "meteor-1.5.jar").write_bytes(b"not the published one")
    resources = replace(text_resources, settings=MetricSettings(meteor_source=f"path:{tmp_path}"))
    with pytest.raises(WeightsError, match="sha256"):
        meteor(golden_samples, resources)


def test_without_java_it_is_unavailable(
    golden_samples: list[Sample], text_resources: Resources, weights_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(WeightsError, match="needs Java"):
        meteor(golden_samples, replace(text_resources, weights_cache=weights_cache))
