import pytest

from metrics.conftest import weighted_mean
from radtune.metrics.bleu import NAMES, bleu
from radtune.metrics.contract import Resources, Sample

PYCOCOEVALCAP = {  # of the 1,000 pairs: totals, and weighted means of the samples' values, by pycocoevalcap 1.2
    "raw": (
        [0.25973877176900934, 0.2132919991488929, 0.19298905419327644, 0.18115898126260072],
        [0.19639720888463247, 0.14948282126746004, 0.13151492209818133, 0.12290802399609813],
    ),
    "normalised": (
        [0.2593328657158343, 0.2123202293416218, 0.1917046888774652, 0.17968357554039677],
        [0.19583428909322356, 0.1486030610579181, 0.13037467003224185, 0.12098847124644917],
    ),
}


def test_golden_values(golden_samples: list[Sample], text_resources: Resources, raw_text_resources: Resources) -> None:
    raw = bleu(golden_samples, raw_text_resources)
    assert [raw.totals[name] for name in NAMES] == pytest.approx([0.418713, 0.331658, 0.262788, 0.192643], abs=1e-6)
    assert raw.values["bleu1"] == pytest.approx([0.818182, 0.214286, 0.105399], abs=1e-6)
    normalised = bleu(golden_samples, text_resources)
    assert [normalised.totals[name] for name in NAMES] == pytest.approx([0.385553, 0.289165, 0.227938, 0.176861], abs=1e-6)
    assert normalised.values["bleu1"] == pytest.approx([0.777778, 0.214286, 0.105399], abs=1e-6)


@pytest.mark.parametrize("text", ["raw", "normalised"])
def test_equal_to_pycocoevalcap_on_real_captions(
    real_samples: dict[str, list[Sample]], raw_text_resources: Resources, text: str
) -> None:
    result = bleu(real_samples[text], raw_text_resources)
    totals, means = PYCOCOEVALCAP[text]
    assert [result.totals[name] for name in NAMES] == pytest.approx(totals, abs=1e-9)
    assert [weighted_mean(list(result.values[name])) for name in NAMES] == pytest.approx(means, abs=1e-9)  # type: ignore[arg-type]


def test_identity_and_no_words(text_resources: Resources) -> None:
    samples = [Sample("a", "caption", text, text) for text in ("Axial CT of the chest.", "...")]
    result = bleu(samples, text_resources)
    assert [values[0] for values in result.values.values()] == pytest.approx([1] * 4, abs=1e-8)
    assert [values[1] for values in result.values.values()] == [0] * 4


def test_the_total_is_not_the_mean(golden_samples: list[Sample], text_resources: Resources) -> None:
    once, twice = (bleu(samples, text_resources) for samples in (golden_samples, golden_samples * 2))
    assert once.totals == pytest.approx(twice.totals)
    values = [value for value in once.values["bleu4"] if value is not None]
    assert abs(sum(values) / 3 - once.totals["bleu4"]) > 0.01
