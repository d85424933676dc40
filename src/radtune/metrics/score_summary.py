"""The summary of a scored caption file: means with their intervals, what is empty or unavailable, and signatures."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import orjson

from radtune import __version__
from radtune.artifacts.digests import file_digest
from radtune.artifacts.io import atomic_path
from radtune.config.metrics import BenchmarkSettings
from radtune.metrics.contract import is_empty
from radtune.statistics.bootstrap import cluster_bootstrap

WIDTH: Final = 120
_HEADER: Final = ("metric", "mean", "interval", "corpus")

ScoredTask = Literal["caption", "concepts"]
_NOUNS: Final[Mapping[ScoredTask, str]] = {"caption": "captions", "concepts": "images"}
"""What the rows of a file are called."""


@dataclass(frozen=True)
class MetricSummary:
    """One metric over all captions of a file."""

    mean: float | None
    """Over the captions that have a value; None where the metric is unavailable."""
    low: float | None
    high: float | None
    """Bounds of the mean's bootstrap interval; None for a single caption."""
    corpus: float | None
    """Value over all captions together where that is not the mean, as for BLEU; else None."""
    captions: int
    """How many captions have a value."""
    unavailable_captions: int
    reason: str
    """Why the metric is unavailable, else empty."""
    signature: Mapping[str, Any]
    """What exactly was computed."""


@dataclass(frozen=True)
class Summary:
    """What ``radtune score`` found, as its JSON file says it."""

    radtune: str
    """Version."""
    task: ScoredTask
    predictions: str
    references: str
    sha256: Mapping[str, str]
    """Of both files and of the concept table or the file of manual concepts, by role."""
    variant: str | None
    strict_official: bool
    captions: int
    """Rows of the file: captions, or images with their concepts."""
    empty_predictions: int
    confidence: float
    """Level of the intervals."""
    resamples: int
    seed: int
    metrics: Mapping[str, MetricSummary]


def summarise_files(
    task: ScoredTask,
    inputs: Mapping[str, Path],
    submitted: Mapping[str, str],
    score_rows: Sequence[Mapping[str, Any]],
    signature_rows: Sequence[Mapping[str, Any]],
    *,
    variant: str | None = None,
    strict_official: bool,
    seed: int,
) -> Summary:
    """The summary of scored files. ``inputs`` has them by role, ``predictions`` and ``references`` among them; ``submitted`` is
    what was predicted, by id."""
    settings = BenchmarkSettings()
    return Summary(
        radtune=__version__,
        task=task,
        predictions=str(inputs["predictions"]),
        references=str(inputs["references"]),
        sha256={role: file_digest(path) for role, path in inputs.items()},
        variant=variant,
        strict_official=strict_official,
        captions=len(submitted),
        empty_predictions=sum(map(is_empty, submitted.values())),
        confidence=settings.confidence,
        resamples=settings.resamples,
        seed=seed,
        metrics=summarise(score_rows, signature_rows, settings, seed),
    )


def summarise(
    score_rows: Sequence[Mapping[str, Any]], signature_rows: Sequence[Mapping[str, Any]], settings: BenchmarkSettings, seed: int
) -> dict[str, MetricSummary]:
    """One summary a metric, in the order of ``signature_rows``. Captions are drawn singly: a plain file knows no articles."""
    values: dict[str, dict[str, float]] = {row["metric"]: {} for row in signature_rows}
    for row in score_rows:
        if row["value"] is not None:
            values[row["metric"]][row["group_id"]] = row["value"]
    return {row["metric"]: _summarise_metric(row, values[row["metric"]], settings, seed) for row in signature_rows}


def write_summary(path: Path, summary: Summary) -> None:
    """Write the summary as JSON."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _summarise_metric(
    row: Mapping[str, Any], values: Mapping[str, float], settings: BenchmarkSettings, seed: int
) -> MetricSummary:
    mean = low = high = None
    if values:
        mean, low, high = cluster_bootstrap(
            np.array(list(values.values())),
            list(values),
            confidence=settings.confidence,
            resamples=settings.resamples,
            seed=seed,
        )
    signature = json.loads(row["signature"])
    return MetricSummary(mean, low, high, row["total"], len(values), row["unavailable_items"], row["reason"], signature)


def table(summary: Summary) -> str:
    """One line a metric, then what is empty and what is unavailable for which reason; for a terminal of 120 columns."""
    noun = _NOUNS[summary.task]
    lines = [(*_HEADER, noun), *(_cells(name, metric) for name, metric in summary.metrics.items())]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines]
    text.insert(1, "-" * max(map(len, text)))
    text += ["", f"{summary.captions:,} {noun}, {summary.confidence:.0%} bootstrap intervals of the mean"]
    if summary.empty_predictions:
        # An image without concepts, true or predicted, has no value; the published evaluators give some empty captions others.
        score_0 = summary.task == "caption" and not summary.strict_official
        text.append(f"empty predictions: {summary.empty_predictions:,}" + (", which score 0" if score_0 else ""))
    reasons: dict[str, list[str]] = {}
    for name, metric in summary.metrics.items():
        if metric.reason:
            reasons.setdefault(metric.reason, []).append(name)
    for reason, names in reasons.items():
        text += textwrap.wrap(f"unavailable: {', '.join(names)}", WIDTH, subsequent_indent="  ")
        text += [line for part in reason.splitlines() for line in textwrap.wrap(part.strip(), WIDTH - 4, **_INDENTED)]
    return "\n".join(text)


_INDENTED: Final[Mapping[str, Any]] = {
    "initial_indent": "    ", "subsequent_indent": "      ", "break_long_words": False, "break_on_hyphens": False,
}  # fmt: skip


def _cells(name: str, metric: MetricSummary) -> tuple[str, ...]:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.4f}"

    interval = "" if metric.low is None or metric.high is None else f"{metric.low:.4f} to {metric.high:.4f}"
    mean = "unavailable" if metric.reason else number(metric.mean)
    return name, mean, interval, number(metric.corpus), f"{metric.captions:,}"
