import json

import numpy as np
import pytest

from radtune.config.metrics import BenchmarkSettings
from radtune.metrics.score_summary import WIDTH, Summary, summarise, table
from radtune.statistics.bootstrap import cluster_bootstrap

SETTINGS = BenchmarkSettings()
VALUES = {"a": 0.5, "b": 1.0, "c": None, "d": 0.25}


def signature_row(metric: str, **changes: object) -> dict[str, object]:
    unavailable = sum(value is None for value in VALUES.values())
    row = {
        "metric": metric,
        "signature": json.dumps({"of": metric}),
        "total": None,
        "reason": "",
        "unavailable_items": unavailable,
    }
    return row | changes


def score_rows(metric: str, values: dict[str, float | None]) -> list[dict[str, object]]:
    return [{"metric": metric, "group_id": item_id, "value": value} for item_id, value in values.items()]


def summary(reason: str = "") -> Summary:
    scores = score_rows("bleu4", VALUES) + score_rows("bleurt", dict.fromkeys(VALUES))
    signatures = [signature_row("bleu4", total=0.7), signature_row("bleurt", reason=reason, unavailable_items=4)]
    metrics = summarise(scores, signatures, SETTINGS, seed=3)
    return Summary("1", "caption", "p.csv", "r.csv", {}, None, False, 4, 1, SETTINGS.confidence, SETTINGS.resamples, 3, metrics)


def test_the_mean_is_over_the_captions_that_have_a_value() -> None:
    bleu4, bleurt = summary("gone").metrics.values()
    expected = cluster_bootstrap(
        np.array([0.5, 1.0, 0.25]), ["a", "b", "d"], confidence=SETTINGS.confidence, resamples=SETTINGS.resamples, seed=3
    )
    assert (bleu4.mean, bleu4.low, bleu4.high) == expected
    assert bleu4.mean == pytest.approx(1.75 / 3)
    assert (bleu4.corpus, bleu4.captions, bleu4.unavailable_captions, bleu4.signature) == (0.7, 3, 1, {"of": "bleu4"})
    assert (bleurt.mean, bleurt.low, bleurt.captions, bleurt.reason) == (None, None, 0, "gone")


def test_the_table_aligns_and_fits_a_terminal() -> None:
    lines = table(summary("the weights are gone " * 20 + "\n  What to do: find them")).splitlines()
    assert lines[0].split() == ["metric", "mean", "interval", "corpus", "captions"]
    assert len({len(line) for line in lines[:4]}) == 1
    assert lines[2].split() == ["bleu4", "0.5833", "0.2500", "to", "1.0000", "0.7000", "3"]
    assert lines[3].split() == ["bleurt", "unavailable", "0"]
    assert "empty predictions: 1, which score 0" in lines
    assert max(map(len, lines)) <= WIDTH
    assert lines[-1].strip() == "What to do: find them"


def test_one_caption_has_no_interval() -> None:
    metrics = summarise(score_rows("cider", {"a": 0.5}), [signature_row("cider")], SETTINGS, seed=1)
    assert (metrics["cider"].mean, metrics["cider"].low, metrics["cider"].high) == (0.5, None, None)
