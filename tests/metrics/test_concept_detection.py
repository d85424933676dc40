import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from radtune.metrics.concept_detection import concept_detection_f1, parse_concepts

CONCEPTS = st.frozensets(st.sampled_from(["C0040405", "C0024485", "C0817096", "C0006104"]))


@given(CONCEPTS, CONCEPTS.filter(bool))
def test_equal_to_scikit_learn_over_the_union_as_the_organisers_compute_it(
    predicted: frozenset[str], true: frozenset[str]
) -> None:
    union = sorted(predicted | true)
    expected = f1_score([cui in true for cui in union], [cui in predicted for cui in union], zero_division=0)
    assert concept_detection_f1(predicted, true) == pytest.approx(expected)


def test_images_without_true_concepts_have_no_value() -> None:
    assert concept_detection_f1({"C1"}, set()) is None
    assert concept_detection_f1({"C1"}, {"C1", "C2"}, among={"C3"}) is None


def test_the_secondary_score_counts_some_concepts_only() -> None:
    assert concept_detection_f1({"C1", "C9"}, {"C1", "C2"}, among={"C1", "C3"}) == 1


def test_cells_of_the_tasks_files() -> None:
    assert parse_concepts("C0040405; c0817096") == {"C0040405", "C0817096"}
    assert parse_concepts(" ") == frozenset()


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("C0040405;C0040405", "C0040405 occurs more than once"),
        ("C0040405;c0040405", "C0040405 occurs more than once"),
        ("C0040405;", "an empty concept"),
        ("C0040405,C0817096", "'C0040405,C0817096' is not a CUI"),
        ("CT", "'CT' is not a CUI"),
        ("C००४०४०५", "'C००४०४०५' is not a CUI"),  # digits, but not those of the UMLS
        (";".join(f"C{number:07}" for number in range(101)), "101 concepts, and the task allows 100"),
    ],
)
def test_cells_that_are_refused(cell: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_concepts(cell)
