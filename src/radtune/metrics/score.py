"""Score all predictions of one system."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from radtune.artifacts.digests import canonical_json
from radtune.artifacts.io import read, read_rows, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.metric_signatures import METRIC_SIGNATURES
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.artifacts.kinds.scores import SCORES
from radtune.artifacts.provenance import provenance
from radtune.config.metrics import MetricName, MetricSettings
from radtune.errors import DataError, UnavailableError, WeightsError
from radtune.images.store import ImageStore
from radtune.metrics.averages import average_captions
from radtune.metrics.contract import Resources, Result, Sample, evaluate, is_empty
from radtune.metrics.registry import METRICS
from radtune.metrics.variants import with_variant


def score(
    predictions: list[Path],
    captions: Path,
    concepts: Path,
    labels: Path,
    images: list[Path],
    scores: Path,
    signatures: Path,
    *,
    settings: MetricSettings,
    seed: int,
    weights_cache: Path,
) -> None:
    """Score the predictions of one system, all arms together, with every metric that applies to their task, and average them.

    A metric whose checkpoint cannot be had, or that looks at images where there are none, is unavailable: its values are null
    and its signature says why.
    Raises :class:`DataError` if the files hold several systems, or items that ``captions`` lacks.
    """
    rows = _read_predictions(predictions, captions)
    asked, settings = settings, with_variant(settings)
    store = ImageStore(images) if images else None
    resources = Resources(settings, captions, concepts, labels, weights_cache, store.image if store else None)
    score_rows, signature_rows = score_predictions(rows, resources)
    for reason in dict.fromkeys(row["reason"] for row in signature_rows if row["reason"]):
        metrics = dict.fromkeys(row["metric"] for row in signature_rows if row["reason"] == reason)
        print(f"{', '.join(metrics)} unavailable: {reason}", file=sys.stderr)  # noqa: T201
    origin = provenance(
        __name__,
        asked,
        seed,
        {"predictions": predictions, "captions": captions, "concepts": concepts, "labels": labels, "images": images},
    )
    write(scores, SCORES, score_rows, origin)
    write(signatures, METRIC_SIGNATURES, signature_rows, origin)


Evaluate = Callable[[MetricName, Sequence[Sample], Resources], Result]
"""Computes one metric, as :func:`evaluate_metric` does."""


def evaluate_metric(name: MetricName, samples: Sequence[Sample], resources: Resources) -> Result:
    """The metric ``name`` of the registry, held to the contract."""
    return evaluate(METRICS[name].load(), samples, resources)


def score_predictions(
    rows: list[dict[str, Any]], resources: Resources, evaluate_one: Evaluate = evaluate_metric
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of ``scores`` and of ``metric_signatures`` for rows of ``predictions`` (their key columns and texts are enough).

    Every metric and average of the settings is there; one that is unavailable has null values and a reason.
    """
    settings = resources.settings
    score_rows: list[dict[str, Any]] = []
    signature_rows: list[dict[str, Any]] = []
    for name in settings.metrics:
        entry = METRICS[name]
        for arm in sorted({row["arm"] for row in rows}):
            chosen = [row for row in rows if row["arm"] == arm and row["task"] in entry.tasks]
            if not chosen:
                continue
            result, reason = _evaluate_if_available(name, chosen, resources, evaluate_one)
            score_rows += _score_rows(chosen, result)
            signature_rows += _signature_rows(chosen, result, reason)
    for captions_of_arm in _captions_by_arm(rows):
        for result, reason in average_captions(_values_of(captions_of_arm, score_rows), settings):
            score_rows += _score_rows(captions_of_arm, result)
            signature_rows += _signature_rows(captions_of_arm, result, reason)
    return score_rows, signature_rows


def _read_predictions(paths: list[Path], captions: Path) -> list[dict[str, Any]]:
    """All predictions, ordered whatever the order of the files. Raises :class:`DataError` if they cannot belong together."""
    rows = [row for path in paths for row in read_rows(path, PREDICTIONS)]
    if len(systems := sorted({row["system"] for row in rows})) > 1:
        raise DataError(f"predictions of several systems: {', '.join(systems)}", "score each system by itself")
    known = set(read(captions, CAPTIONS, ["item_id"]).column("item_id").to_pylist())
    if unknown := {row["item_id"] for row in rows} - known:
        raise DataError(
            f"{captions}: lacks {len(unknown)} predicted item(s), such as {min(unknown)}",
            "score predictions made from these captions",
        )
    return sorted(rows, key=lambda row: (row["arm"], row["task"], row["prediction_id"]))


def _evaluate_if_available(
    name: MetricName, rows: list[dict[str, Any]], resources: Resources, evaluate_one: Evaluate
) -> tuple[Result, str]:
    """The metric's result and an empty reason, or null values and the reason why it is unavailable."""
    samples = [Sample(row["item_id"], row["task"], row["prediction"], row["reference"]) for row in rows]
    try:
        return evaluate_one(name, samples, resources), ""
    except (WeightsError, UnavailableError) as error:
        reason = str(error)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "radtune":
            raise
        problem = f"needs the package {error.name}, which is not installed"
        reason = str(
            UnavailableError(problem, "install radtune's extra concepts for the UMLS F1, and score for all other metrics")
        )
    return Result({value: [None] * len(samples) for value in METRICS[name].names}, {}), reason


def _captions_by_arm(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The predicted captions of each arm that has any, in the order of ``rows``."""
    captions = [row for row in rows if row["task"] == "caption"]
    return [[row for row in captions if row["arm"] == arm] for arm in sorted({row["arm"] for row in captions})]


def _values_of(rows: list[dict[str, Any]], score_rows: list[dict[str, Any]]) -> dict[str, list[float | None]]:
    """What ``rows``, predictions of one arm and task, scored on each metric, in their order."""
    place = {row["prediction_id"]: index for index, row in enumerate(rows)}
    values: dict[str, list[float | None]] = {}
    for score_row in score_rows:
        if (score_row["arm"], score_row["task"]) == (rows[0]["arm"], rows[0]["task"]):
            of_metric = values.setdefault(score_row["metric"], [None] * len(rows))
            of_metric[place[score_row["prediction_id"]]] = score_row["value"]
    return values


def _score_rows(rows: list[dict[str, Any]], result: Result) -> list[dict[str, Any]]:
    """One row a prediction and name."""
    carried = [column for column in SCORES.schema.names if column not in {"metric", "value"}]
    return [
        {column: row[column] for column in carried} | {"metric": name, "value": value}
        for name, values in result.values.items()
        for row, value in zip(rows, values, strict=True)
    ]


def _signature_rows(rows: list[dict[str, Any]], result: Result, reason: str) -> list[dict[str, Any]]:
    """One row a name: what was computed, for how many items, and how many of them had no value or no text. All rows are of one
    system and arm."""
    return [
        {
            "system": rows[0]["system"],
            "arm": rows[0]["arm"],
            "metric": name,
            "signature": canonical_json(dict(result.signature)),
            "total": result.totals.get(name),
            "items": len(values),
            "unavailable_items": sum(value is None for value in values),
            "empty_predictions": sum(is_empty(row["prediction"]) for row in rows),
            "available": not reason,
            "reason": reason,
        }
        for name, values in result.values.items()
    ]
