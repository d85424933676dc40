from collections.abc import Sequence
from pathlib import Path

import pytest

from radtune.config.metrics import MetricSettings
from radtune.errors import UnavailableError
from radtune.metrics.contract import Resources, Sample, evaluate
from radtune.metrics.exact_match import normalise_answer
from radtune.metrics.judged_accuracy import Verdict, judge_answers, judged_accuracy

NOWHERE = Path("none")
SAMPLES = [
    Sample(str(index), "question", *pair)
    for index, pair in enumerate([("Yes.", "yes"), ("no", "yes"), ("", "yes"), ("CT", "ct")])
]


class RuleJudge:
    """Correct where the normalised answers are equal, unclear where there is none."""

    signature = {"model": "rules"}

    def judge(self, samples: Sequence[Sample]) -> list[Verdict]:
        return [self._one(normalise_answer(sample.prediction), normalise_answer(sample.reference)) for sample in samples]

    @staticmethod
    def _one(answer: str, reference: str) -> Verdict:
        if not answer:
            return "unclear"
        return "correct" if answer == reference else "incorrect"


def test_without_a_judge_it_is_unavailable_and_says_so() -> None:
    with pytest.raises(UnavailableError, match="no judge of answers is configured"):
        judged_accuracy(SAMPLES, Resources(MetricSettings(), NOWHERE, None, None, NOWHERE))


def test_verdicts_become_values_and_unclear_ones_are_counted() -> None:
    resources = Resources(MetricSettings(), NOWHERE, None, None, NOWHERE)
    result = evaluate(lambda samples, _: judge_answers(samples, RuleJudge()), SAMPLES, resources)
    assert result.values == {"judged_accuracy": [1, 0, 0, 1]}
    assert result.signature == {"metric": "judged accuracy", "judge": {"model": "rules"}, "unclear": 1}
