"""The papers' own numbers hang together, but for the cells that are marked."""

from typing import get_args

import pytest

from radtune.benchmark.paper_values import COLUMNS, DOUBTFUL, PAPER_VALUES, TABLE_4, TABLE_5, WRONG
from radtune.config.metrics import FactualityMetric, MetricSettings, RelevanceMetric
from radtune.config.published import PUBLISHED
from radtune.metrics.averages import average_captions
from radtune.metrics.registry import METRICS
from radtune.statistics.correlation import least_squares, spearman

PARTS = (*get_args(RelevanceMetric), *get_args(FactualityMetric))
ROWS = [(system, arm, row) for table, arm in ((TABLE_4, "plain"), (TABLE_5, "modality")) for system, row in table.items()]


def recomputed(row: tuple[float, ...]) -> dict[str, float]:
    """The averages of a row's printed metrics."""
    metrics = {name: [dict(zip(COLUMNS, row, strict=True))[name]] for name in PARTS}
    averages = average_captions(metrics, MetricSettings())
    return {name: value for result, _ in averages for name, (value,) in result.values.items() if value is not None}


def column(name: str) -> list[float]:
    return [row[COLUMNS.index(name)] for row in TABLE_4.values()]


@pytest.mark.parametrize(("system", "arm", "row"), ROWS)
def test_averages_follow_from_the_metrics_where_nothing_is_marked(system: str, arm: str, row: tuple[float, ...]) -> None:
    averages = recomputed(row)
    assert list(averages) == ["relevance", "factuality", "overall"]
    for name, value in averages.items():
        agrees = row[COLUMNS.index(name)] == pytest.approx(value, abs=0.001)
        assert agrees == ((system, arm, name) not in DOUBTFUL)
    relevance, factuality, overall = row[6:]
    assert overall == pytest.approx((relevance + factuality) / 2, abs=0.001)  # even where they are wrong


def test_the_wrong_relevance_of_smolvlm_leaves_bleurt_out() -> None:
    for row in (TABLE_4["smolvlm_500m"], TABLE_5["smolvlm_500m"]):
        assert row[6] == pytest.approx(sum(row[:3]) / 3, abs=0.0005)
    wrong_rows = {(system, arm) for (system, arm, _), note in DOUBTFUL.items() if note.startswith(WRONG)}
    assert len(wrong_rows) == 3


def test_relevance_and_factuality_go_together_as_the_journal_says() -> None:
    printed, factuality = column("relevance"), column("factuality")
    right = [recomputed(row)["relevance"] if name == "smolvlm_500m" else row[6] for name, row in TABLE_4.items()]
    for relevance, r_squared in ((printed, 0.825), (right, 0.851)):
        assert spearman(relevance, factuality) == pytest.approx(0.952, abs=0.0005)
        line = least_squares(relevance, factuality)
        assert line is not None
        assert line.r_squared == pytest.approx(r_squared, abs=0.0005)
    everything = [recomputed(row) for row in TABLE_4.values()]
    assert spearman(*([row[name] for row in everything] for name in ("relevance", "factuality"))) == pytest.approx(
        0.952, abs=5e-4
    )


def test_the_conference_and_the_journal_agree_to_three_digits() -> None:
    values = {(value.system, value.metric): value.value for value in PAPER_VALUES if value.source.startswith("ICMI")}
    for system in ("llava16_mistral_7b", "visiongpt2"):
        for metric in ("bertscore", "rouge1"):
            assert TABLE_4[system][COLUMNS.index(metric)] == round(values[system, metric], 3)


def test_values_are_named_as_radtune_names_systems_and_metrics() -> None:
    keys = [(value.system, value.arm, value.task, value.metric, value.source) for value in PAPER_VALUES]
    assert len(set(keys)) == len(keys)
    assert {value.system for value in PAPER_VALUES} - PUBLISHED.models.keys() == {"soft_prompt_openllama_7b"}
    names = {name for entry in METRICS.values() for name in entry.names} | {"relevance", "factuality", "overall"}
    assert {value.metric for value in PAPER_VALUES} - names <= {"medbertscore", "judged_accuracy"}
    for value in PAPER_VALUES:
        assert 0 < value.value < 1
