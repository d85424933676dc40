from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from metrics.conftest import GOLDEN
from radtune.config.metrics import MetricSettings
from radtune.config.models import Task
from radtune.metrics.contract import Resources, Sample
from radtune.metrics.preprocessing import normalise_caption
from radtune.metrics.rouge import Rouge, longest_common_subsequence, rouge, rouge_f, tokenise

NOWHERE = Path("none")
RESOURCES = Resources(MetricSettings(), NOWHERE, NOWHERE, NOWHERE, NOWHERE)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(["left", "right", "lungs", "masses", "CT", "12", "T2", "axial", "µm", "–"])).map(" ".join),
)


@cache
def oracle(stem: bool) -> RougeScorer:
    return RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=stem)


def by_rouge_score(prediction: str, reference: str, stem: bool) -> Rouge:
    scores = oracle(stem).score(reference, prediction)
    return Rouge(*(scores[name].fmeasure for name in Rouge._fields))


def scores(pairs: list[tuple[str, str]], task: Task = "caption") -> list[Rouge]:
    values = rouge([Sample("item", task, *pair) for pair in pairs], RESOURCES).values
    return [Rouge(*row) for row in zip(*(values[name] for name in Rouge._fields), strict=True)]  # type: ignore[arg-type]


def test_golden_values_on_raw_text() -> None:
    found = [rouge_f(tokenise(candidate, stem=False), tokenise(reference, stem=False)) for candidate, reference in GOLDEN]
    assert [score.rouge1 for score in found] == pytest.approx([0.857143, 0.214286, 0.444444], abs=1e-6)
    assert [score.rouge2 for score in found] == pytest.approx([0.526316, 0, 0.375], abs=1e-6)
    assert [score.rougeL for score in found] == pytest.approx([0.857143, 0.214286, 0.444444], abs=1e-6)


def test_golden_values_on_normalised_text() -> None:
    found = scores(list(GOLDEN))
    assert [score.rouge1 for score in found] == pytest.approx([0.777778, 0.222222, 0.470588], abs=1e-6)
    assert [score.rouge2 for score in found] == pytest.approx([0.5, 0, 0.4], abs=1e-6)
    assert [score.rougeL for score in found] == pytest.approx([0.777778, 0.222222, 0.470588], abs=1e-6)


def test_mean_of_three_pairs_equals_the_organisers_evaluator() -> None:
    references = (
        GOLDEN[0][1],
        "CT pulmonary embolus study showing pericardial effusion measuring 19.27 mm.",
        "Axial T2-weighted MRI.",
    )
    candidates = ("Chest X-ray showing a large right-sided pleural effusion.", "CT scan of the chest.", "Axial T2 MRI.")
    found = scores(list(zip(candidates, references, strict=True)))
    assert sum(score.rouge1 for score in found) / 3 == pytest.approx(0.5019607843137255, abs=1e-15)


@pytest.mark.parametrize("task", ["caption", "question"])
def test_equal_to_rouge_score_on_a_thousand_pairs_of_real_captions(real_pairs: list[tuple[str, str]], task: Task) -> None:
    prepare = normalise_caption if task == "caption" else str
    expected = [by_rouge_score(prepare(first), prepare(second), stem=task == "question") for first, second in real_pairs]
    for found, peer in zip(scores(real_pairs, task), expected, strict=True):
        assert found == pytest.approx(peer, abs=1e-9)


@given(TEXTS, TEXTS, st.booleans())
def test_equal_to_rouge_score_on_any_text(prediction: str, reference: str, stem: bool) -> None:
    found = rouge_f(tokenise(prediction, stem=stem), tokenise(reference, stem=stem))
    assert found == pytest.approx(by_rouge_score(prediction, reference, stem), abs=1e-9)


@given(st.lists(st.integers(0, 3), max_size=80), st.lists(st.integers(0, 3), max_size=80))
def test_longest_common_subsequence_equals_the_table(first: list[int], second: list[int]) -> None:
    row = [0] * (len(second) + 1)
    for left in first:
        above = row
        row = [0]
        for index, right in enumerate(second):
            row.append(above[index] + 1 if left == right else max(above[index + 1], row[-1]))
    assert longest_common_subsequence(first, second) == row[-1]


def test_answers_are_stemmed_and_keep_their_numbers() -> None:
    assert scores([("masses", "mass"), ("T11", "T12")], "question") == [Rouge(1, 0, 1), Rouge(0, 0, 0)]
    assert scores([("T11", "T12")], "caption") == [Rouge(1, 0, 1)]


def test_text_without_ascii_letters_scores_zero() -> None:
    assert scores([("µµ", "µµ")]) == [Rouge(0, 0, 0)]
