import pytest

from radtune.metrics.exact_match import normalise_answer


@pytest.mark.parametrize(
    ("raw", "normalised"),
    [
        ("The left lung.", "left lung"),
        (" a  CT  scan ", "ct scan"),
        ("X-ray", "xray"),
        ("Theatre", "theatre"),
        ("Yes!", "yes"),
        ("the", ""),
    ],
)
def test_answers_are_normalised_as_in_squad(raw: str, normalised: str) -> None:
    assert normalise_answer(raw) == normalised
