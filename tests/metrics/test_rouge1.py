import pytest
from hypothesis import given
from hypothesis import strategies as st

from radtune.metrics.rouge1 import rouge1_f

WORDS = st.lists(st.sampled_from(["left", "right", "lung", "mass", "CT", "12", "T2", "axial"]), min_size=1, max_size=8).map(
    " ".join
)


def test_mean_of_three_pairs_equals_the_organisers_evaluator() -> None:
    pairs = [
        (
            "Chest X-ray showing a large right-sided pleural effusion.",
            "Chest X-ray showing a right pleural effusion (green arrow).",
        ),
        ("CT scan of the chest.", "CT pulmonary embolus study showing pericardial effusion measuring 19.27 mm."),
        ("Axial T2 MRI.", "Axial T2-weighted MRI."),
    ]
    assert sum(rouge1_f(*pair) for pair in pairs) / 3 == pytest.approx(0.5019607843137255, abs=1e-15)


@pytest.mark.parametrize(
    ("prediction", "reference", "value"),
    [
        (
            "Chest X-ray showing a large right-sided pleural effusion (arrow).",
            "Chest X-ray showing a right pleural effusion (green arrow).",
            0.777778,
        ),
        (
            "CT scan of the chest showing a large mass in the right upper lobe.",
            "CT pulmonary embolus study showing pericardial effusion measuring 19.27 mm in this plane.",
            0.222222,
        ),
        ("MRI of the brain.", "Axial T2-weighted MRI of the brain, demonstrating a 3 x 4 cm mass.", 0.470588),
    ],
)
def test_single_pairs_equal_rouge_score_on_normalised_text(prediction: str, reference: str, value: float) -> None:
    assert rouge1_f(prediction, reference) == pytest.approx(value, abs=1e-6)


def test_answers_are_stemmed_and_keep_their_numbers() -> None:
    assert rouge1_f("masses", "mass", "question") == 1
    assert rouge1_f("T11", "T12", "question") == 0
    assert rouge1_f("T11", "T12", "caption") == 1


@given(WORDS, WORDS)
def test_symmetric_within_bounds_and_one_on_itself(first: str, second: str) -> None:
    assert rouge1_f(first, second) == pytest.approx(rouge1_f(second, first))
    assert 0 <= rouge1_f(first, second) <= 1
    assert rouge1_f(first, first) == 1


def test_text_without_ascii_letters_scores_zero() -> None:
    assert rouge1_f("µµ", "µµ") == 0
