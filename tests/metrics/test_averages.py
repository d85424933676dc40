import pytest

from radtune.config.metrics import MetricSettings
from radtune.metrics.averages import average_captions, mean_by_caption

VALUES = {
    "similarity": [0.8, None, 0.4],
    "bertscore": [0.6, 0.5, 0.4],
    "rouge1": [0.2, 0.1, 0.0],
    "bleurt": [0.4, 0.3, 0.2],
    "concept_f1": [0.5, 0.0, 1.0],
    "alignscore": [0.1, 0.2, 0.0],
}


def test_means_of_four_two_and_both() -> None:
    averages = {
        name: values for result, _ in average_captions(VALUES, MetricSettings()) for name, values in result.values.items()
    }
    assert averages["relevance"] == [pytest.approx(0.5), None, pytest.approx(0.25)]
    assert averages["factuality"] == pytest.approx([0.3, 0.1, 0.5])
    assert averages["overall"] == [pytest.approx(0.4), None, pytest.approx(0.375)]  # weights 1/8 and 1/4


def test_nothing_is_averaged_around_what_is_missing() -> None:
    values = {name: VALUES[name] for name in ("bertscore", "rouge1", "concept_f1")} | {"alignscore": [None] * 3}
    (relevance, no_relevance), (factuality, no_factuality), (overall, no_overall) = average_captions(values, MetricSettings())
    assert [list(result.values.values()) for result in (relevance, factuality, overall)] == [[[None] * 3]] * 3
    assert no_relevance.endswith("there is no similarity, no bleurt")
    assert no_factuality.endswith("there is no alignscore")
    assert no_overall.endswith("there is no relevance, no factuality")


def test_what_has_no_definition_is_left_out() -> None:
    (factuality,) = average_captions(VALUES, MetricSettings(relevance=()))
    assert list(factuality[0].values) == ["factuality"]
    assert average_captions(VALUES, MetricSettings(relevance=(), factuality=())) == []
    assert mean_by_caption([[1.0], [None]]) == [None]
