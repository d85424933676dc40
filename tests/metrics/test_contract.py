import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from radtune.config.metrics import MetricSettings
from radtune.metrics.contract import Resources, Result, Sample, evaluate
from radtune.metrics.exact_match import exact_match

NOWHERE = Path("none")
RESOURCES = Resources(MetricSettings(), NOWHERE, NOWHERE, NOWHERE, NOWHERE)


def sample(prediction: str, reference: str = "yes") -> Sample:
    return Sample("item", "question", prediction, reference)


def test_an_empty_prediction_scores_zero_whatever_the_metric_says() -> None:
    samples = [sample("Yes."), sample("no"), sample(""), sample(" \n", reference="the")]
    assert exact_match(samples, RESOURCES).values["exact_match"] == [1, 0, 0, 1]
    assert evaluate(exact_match, samples, RESOURCES).values["exact_match"] == [1, 0, 0, 0]


def test_nothing_but_finite_values_or_none_leaves_a_metric() -> None:
    def broken(samples: Sequence[Sample], resources: Resources) -> Result:
        return Result({"broken": [math.nan]}, {})

    def unknown(samples: Sequence[Sample], resources: Resources) -> Result:
        return Result({"unknown": [None]}, {})

    with pytest.raises(ValueError, match="broken: nan"):
        evaluate(broken, [sample("yes")], RESOURCES)
    with pytest.raises(ValueError, match="broken: 1 values for 2 samples"):
        evaluate(broken, [sample("yes"), sample("no")], RESOURCES)
    assert evaluate(unknown, [sample("")], RESOURCES).values == {"unknown": [None]}
