import pytest

from metrics.conftest import weighted_mean
from radtune.metrics.cider import cider
from radtune.metrics.contract import Resources, Sample

PYCOCOEVALCAP = {  # of the 1,000 pairs: mean and weighted mean of the samples' values, by pycocoevalcap 1.2
    "raw": (0.7061312082237968, 0.7371366085298453),
    "normalised": (0.6849953601859938, 0.7219600888038068),
}


def values(samples: list[Sample], resources: Resources) -> list[float]:
    return list(cider(samples, resources).values["cider"])  # type: ignore[arg-type]


def test_golden_values(golden_samples: list[Sample], text_resources: Resources, raw_text_resources: Resources) -> None:
    assert sum(values(golden_samples, raw_text_resources)) / 3 == pytest.approx(2.146986, abs=1e-6)
    assert sum(values(golden_samples, text_resources)) / 3 == pytest.approx(1.985429, abs=1e-6)


@pytest.mark.parametrize("text", ["raw", "normalised"])
def test_equal_to_pycocoevalcap_on_real_captions(
    real_samples: dict[str, list[Sample]], raw_text_resources: Resources, text: str
) -> None:
    found = values(real_samples[text], raw_text_resources)
    assert (sum(found) / len(found), weighted_mean(found)) == pytest.approx(PYCOCOEVALCAP[text], abs=1e-9)


def test_identity_scores_ten_and_one_item_alone_zero(golden_samples: list[Sample], text_resources: Resources) -> None:
    same = [Sample(sample.item_id, "caption", sample.reference, sample.reference) for sample in golden_samples]
    assert values(same, text_resources) == pytest.approx([10] * 3)
    assert values(same[:1], text_resources) == [0]


def test_several_predictions_of_an_item_count_its_reference_once(golden_samples: list[Sample], text_resources: Resources) -> None:
    repeated = golden_samples + golden_samples[:1] * 4
    assert values(repeated, text_resources)[:3] == values(golden_samples, text_resources)


def test_other_predictions_do_not_matter_and_other_references_do(golden_samples: list[Sample], text_resources: Resources) -> None:
    first, second, third = golden_samples
    changed = Sample(second.item_id, "caption", "Axial CT.", second.reference)
    assert values([first, changed, third], text_resources)[0] == values(golden_samples, text_resources)[0]
    changed = Sample(second.item_id, "caption", second.prediction, "Chest X-ray showing a right pleural effusion.")
    assert values([first, changed, third], text_resources)[0] < values(golden_samples, text_resources)[0]
