"""The papers' numbers beside the measured ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from radtune.artifacts.io import read_rows, write
from radtune.artifacts.kinds.metric_signatures import METRIC_SIGNATURES
from radtune.artifacts.kinds.paper_comparison import PAPER_COMPARISON
from radtune.artifacts.kinds.system_scores import SYSTEM_SCORES
from radtune.artifacts.provenance import provenance
from radtune.benchmark.paper_values import PAPER_VALUES
from radtune.config.metrics import BenchmarkSettings


def compare_with_papers(table: Path, signatures: list[Path], output: Path, *, settings: BenchmarkSettings, seed: int) -> None:
    """Write one row a number that a paper prints for a system of ``table`` (artifact ``system_scores``).

    Measured is the metric's total over all captions where it has one (corpus BLEU), as papers print it, else the mean; null
    where the run did not measure it.
    """
    scores = read_rows(table, SYSTEM_SCORES, ["system", "arm", "task", "metric", "mean"])
    measured = {
        (row["system"], row["arm"], row["task"], row["metric"]): ("mean", row["mean"])
        for row in scores
        if row["mean"] is not None
    }
    for row in (row for path in signatures for row in read_rows(path, METRIC_SIGNATURES)):
        if row["total"] is not None:  # only metrics of captions have one
            measured[row["system"], row["arm"], "caption", row["metric"]] = ("corpus", row["total"])
    systems = {row["system"] for row in scores}
    rows: list[dict[str, Any]] = []
    for printed in (printed for printed in PAPER_VALUES if printed.system in systems):
        aggregate, value = measured.get((printed.system, printed.arm, printed.task, printed.metric), ("", None))
        rows.append(
            {
                "system": printed.system,
                "arm": printed.arm,
                "task": printed.task,
                "metric": printed.metric,
                "measured": value,
                "aggregate": aggregate,
                "printed": printed.value,
                "difference": None if value is None else value - printed.value,
                "source": printed.source,
                "note": printed.note,
            }
        )
    write(output, PAPER_COMPARISON, rows, provenance(__name__, settings, seed, {"table": table, "signatures": signatures}))
