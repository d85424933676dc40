"""What the report says of the modality classifier: per-class quality, confusion, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from radtune.artifacts.kinds.calibration import CALIBRATION
from radtune.artifacts.kinds.classification_report import CLASSIFICATION_REPORT
from radtune.artifacts.kinds.confusion_matrix import CONFUSION_MATRIX
from radtune.report.read_run import Run

SUMMARY_ROWS = ("accuracy", "macro average", "weighted average")
"""Rows of a classification report that are no class."""


@dataclass(frozen=True)
class Confusion:
    """Images of one split by true and predicted class."""

    labels: list[str]
    counts: list[list[int]]
    """Row: true class, column: predicted class, both in the order of ``labels``."""

    def share(self, row: int, column: int) -> float:
        """Share of the row's images, 0 to 1."""
        total = sum(self.counts[row])
        return self.counts[row][column] / total if total else 0.0


@dataclass(frozen=True)
class Reliability:
    """Reliability of the probabilities in one stage (``before`` or ``after`` temperature scaling)."""

    stage: str
    bins: list[dict[str, Any]]
    """Rows of ``calibration``, by ``bin_low``."""
    error: float
    """Expected calibration error."""
    temperature: float


@dataclass(frozen=True)
class Classifier:
    """The classifier on one split."""

    split: str
    rows: list[dict[str, Any]]
    """Rows of ``classification_report``: classes by name, then the summaries."""
    confusion: Confusion | None
    reliability: list[Reliability]


def read_classifier(run: Run) -> Classifier | None:
    """The classifier on the test split, or on the last split that was evaluated; None where there is no evaluation."""
    report = run.rows(run.layout.classification_report, CLASSIFICATION_REPORT)
    if not report:
        return None
    splits = {row["split"] for row in report}
    split = "test" if "test" in splits else max(splits)
    order = {name: place for place, name in enumerate(SUMMARY_ROWS)}
    rows = sorted((row for row in report if row["split"] == split), key=lambda row: (order.get(row["label"], -1), row["label"]))
    return Classifier(split, rows, _confusion(run, split), _reliability(run, split))


def _confusion(run: Run, split: str) -> Confusion | None:
    rows = [row for row in run.rows(run.layout.confusion_matrix, CONFUSION_MATRIX) if row["split"] == split]
    if not rows:
        return None
    labels = sorted({row["label"] for row in rows} | {row["predicted"] for row in rows})
    images = {(row["label"], row["predicted"]): row["images"] for row in rows}
    return Confusion(labels, [[images.get((label, predicted), 0) for predicted in labels] for label in labels])


def _reliability(run: Run, split: str) -> list[Reliability]:
    rows = run.rows(run.layout.calibration, CALIBRATION)
    splits = {row["split"] for row in rows}
    if splits and split not in splits:
        split = max(splits)
    stages: dict[str, list[dict[str, Any]]] = {}
    for row in sorted((row for row in rows if row["split"] == split), key=lambda row: row["bin_low"]):
        stages.setdefault(row["stage"], []).append(row)
    return [
        Reliability(stage, bins, bins[0]["expected_calibration_error"], bins[0]["temperature"])
        for stage, bins in sorted(stages.items(), key=lambda pair: (not pair[0].startswith("before"), pair[0]))
    ]
