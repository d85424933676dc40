import pytest

from radtune.metrics.preprocessing import normalise_caption


@pytest.mark.parametrize(
    ("raw", "normalised"),
    [  # outputs of the organisers' evaluator
        ("19.27 mm", "numbernumber mm"),
        ("T2-weighted × 3", "tnumberweighted × number"),
        ("L4–L5 (n=10)", "lnumber–lnumber nnumber"),
        ("٣ µm²", "number µm²"),
        ("a_b", "ab"),
        ("  x  y ", "  x  y "),
        ("Right-sided", "rightsided"),
        ("...", ""),
    ],
)
def test_captions_are_normalised_as_by_the_organisers(raw: str, normalised: str) -> None:
    assert normalise_caption(raw) == normalised


def test_decimals_collapse() -> None:
    assert normalise_caption("3.5 cm") == normalise_caption("12.75 cm")
