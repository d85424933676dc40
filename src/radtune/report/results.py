"""The benchmark as the report shows it: score tables, verdicts against the baseline, comparisons, metric signatures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from radtune.artifacts.kinds.comparisons import COMPARISONS
from radtune.artifacts.kinds.metric_signatures import METRIC_SIGNATURES
from radtune.artifacts.kinds.system_scores import SYSTEM_SCORES
from radtune.artifacts.kinds.variant_agreement import VARIANT_AGREEMENT
from radtune.artifacts.layout import BASELINE
from radtune.report.read_run import Run

SIGNIFICANCE = 0.05
"""Level at which a Holm-corrected p value is called a difference."""

METRIC_TITLES = {
    "overall": "Overall",
    "relevance": "Relevance",
    "factuality": "Factuality",
    "similarity": "Similarity",
    "rouge1": "ROUGE-1",
    "bertscore": "BERTScore",
    "bleurt": "BLEURT",
    "concept_f1": "UMLS concept F1",
    "alignscore": "AlignScore",
    "modality_accuracy": "Modality accuracy",
    "exact_match": "Exact match",
    "token_f1": "Token F1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "bleu1": "BLEU-1",
    "bleu2": "BLEU-2",
    "bleu3": "BLEU-3",
    "bleu4": "BLEU-4",
    "cider": "CIDEr",
    "meteor": "METEOR",
    "bertscore_precision": "BERTScore P",
    "bertscore_recall": "BERTScore R",
    "bertscore_f1": "BERTScore F1",
    "bertscore_precision_idf": "BERTScore P, idf",
    "bertscore_recall_idf": "BERTScore R, idf",
    "bertscore_f1_idf": "BERTScore F1, idf",
    "clipscore": "CLIPScore",
    "refclipscore": "RefCLIPScore",
    "clinical_bleurt": "ClinicalBLEURT",
    "medbertscore": "MedBERTScore",
    "chexbert_micro_14": "F1-CheXbert-14 micro",
    "chexbert_macro_14": "F1-CheXbert-14 macro",
    "chexbert_micro_5": "F1-CheXbert-5 micro",
    "chexbert_macro_5": "F1-CheXbert-5 macro",
    "token_precision": "Token precision",
    "token_recall": "Token recall",
    "judged_accuracy": "Judged accuracy",
}
"""Metrics in the order of the table's columns, those of the papers' tables first; others follow under their own name."""

ARM_TITLES = {"plain": "plain", "modality": "with modality"}


def metric_title(metric: str) -> str:
    """The name of a metric as papers write it."""
    return METRIC_TITLES.get(metric, metric)


def metric_place(metric: str) -> tuple[int, str]:
    """Sort key of a metric: its place among :data:`METRIC_TITLES`, others after them by name."""
    titles = list(METRIC_TITLES)
    return (titles.index(metric) if metric in titles else len(titles), metric)


@dataclass(frozen=True)
class Comparison:
    """A paired test, read as first minus second."""

    task: str
    metric: str
    first: tuple[str, str]
    """System and arm."""
    second: tuple[str, str]
    difference: float
    low: float
    high: float
    p_value: float
    p_holm: float
    items: int
    groups: int

    @property
    def role(self) -> int:
        """What is compared, as an index of :data:`ROLES`."""
        return 0 if self.second[0] == BASELINE else 1 if self.first[0] == self.second[0] else 2

    @property
    def clear(self) -> bool:
        """Whether the corrected p value lies below :data:`SIGNIFICANCE`."""
        return self.p_holm < SIGNIFICANCE

    def reversed(self) -> Comparison:
        """The same test, read as second minus first."""
        return Comparison(
            self.task,
            self.metric,
            self.second,
            self.first,
            -self.difference,
            -self.high,
            -self.low,
            self.p_value,
            self.p_holm,
            self.items,
            self.groups,
        )


ROLES = ("Against the random caption", "The predicted modality in the prompt", "Between systems")
"""What comparisons are made for, in the order of the page."""


@dataclass(frozen=True)
class Cell:
    """One system, arm and metric."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    total: float | None = None
    """The metric over all items at once, where that is not their mean (BLEU, METEOR, CheXbert)."""
    best: bool = False
    against_baseline: Comparison | None = None
    """This cell's system minus the baseline."""
    unavailable: str = ""
    """Why there is no score; empty if there is one, or if the system has no such arm."""


@dataclass(frozen=True)
class Column:
    """One metric in one arm."""

    metric: str
    arm: str


@dataclass(frozen=True)
class ScoreRow:
    """One system."""

    system: str
    cells: list[Cell]
    pretrained: bool

    @property
    def is_baseline(self) -> bool:
        """Whether this is the random-caption baseline."""
        return self.system == BASELINE


@dataclass(frozen=True)
class ScoreTable:
    """Systems by metrics for one task."""

    task: str
    columns: list[Column]
    rows: list[ScoreRow]
    confidence: float
    items: int
    groups: int

    @property
    def has_baseline(self) -> bool:
        """Whether the baseline is among the rows (it answers no questions)."""
        return any(row.is_baseline for row in self.rows)

    @property
    def has_totals(self) -> bool:
        """Whether a metric is also shown over the whole test set at once."""
        return any(cell.total is not None for row in self.rows for cell in row.cells)

    @property
    def metrics(self) -> list[tuple[str, int]]:
        """Each metric with the number of columns it spans."""
        spans: dict[str, int] = {}
        for column in self.columns:
            spans[column.metric] = spans.get(column.metric, 0) + 1
        return list(spans.items())

    @property
    def reasons(self) -> list[tuple[str, str, list[str]]]:
        """Metric, reason and systems of everything unavailable."""
        found: dict[tuple[str, str], list[str]] = {}
        for row in self.rows:
            for column, cell in zip(self.columns, row.cells, strict=True):
                if cell.unavailable:
                    systems = found.setdefault((column.metric, cell.unavailable), [])
                    if row.system not in systems:
                        systems.append(row.system)
        return [(metric, reason, systems) for (metric, reason), systems in found.items()]


def read_comparisons(run: Run) -> list[Comparison]:
    """Every paired test of the run by task, metric and role, read so that the baseline or the plain arm comes second.

    Those that :func:`count_untested` counts are left out.
    """
    rows = run.rows(run.layout.comparisons, COMPARISONS)
    tests = [
        Comparison(
            row["task"],
            row["metric"],
            (row["system_a"], row["arm_a"]),
            (row["system_b"], row["arm_b"]),
            *(row[name] for name in ("difference", "low", "high", "p_value", "p_holm", "items", "groups")),
        )
        for row in rows
        if row["p_holm"] is not None
    ]
    place = {system: number for number, system in enumerate(run.systems)}

    def turned(test: Comparison) -> Comparison:
        backwards = place.get(test.first[0], -1) > place.get(test.second[0], -1)
        same_system = test.first[0] == test.second[0]
        return test.reversed() if backwards or (same_system and test.first[1] == "plain") else test

    def order(test: Comparison) -> tuple[Any, ...]:
        sides = tuple((place.get(system, -1), arm != "plain", arm) for system, arm in (test.first, test.second))
        return test.task, metric_place(test.metric), test.role, sides

    return sorted(map(turned, tests), key=order)


def count_untested(run: Run) -> int:
    """Comparisons without a difference, because the two have no scored row in common."""
    return sum(row["p_holm"] is None for row in run.rows(run.layout.comparisons, COMPARISONS, ["p_holm"]))


def read_score_tables(run: Run) -> list[ScoreTable]:
    """One table a task, captions first. Empty where the run has no benchmark yet."""
    scores = run.rows(run.layout.system_scores, SYSTEM_SCORES)
    tests = {(test.task, test.metric, test.first): test for test in read_comparisons(run) if test.second[0] == BASELINE}
    signatures = read_signatures(run)
    reasons = {
        (row["system"], row["arm"], row["metric"]): row["reason"] or "no reason was recorded"
        for row in signatures
        if not row["available"]
    }
    totals = {(row["system"], row["arm"], row["metric"]): row["total"] for row in signatures}
    return [_score_table(run, task, scores, tests, reasons, totals) for task in sorted({row["task"] for row in scores})]


def _score_table(
    run: Run,
    task: str,
    scores: list[dict[str, Any]],
    tests: dict[tuple[str, str, tuple[str, str]], Comparison],
    reasons: dict[tuple[str, str, str], str],
    totals: dict[tuple[str, str, str], float | None],
) -> ScoreTable:
    found = {(row["system"], row["arm"], row["metric"]): row for row in scores if row["task"] == task}
    present = {(metric, arm) for _, arm, metric in found}
    # A metric that is unavailable for every system has no score row to tell its task: exact match is for questions alone.
    lost = {metric for _, _, metric in reasons} - {row["metric"] for row in scores}
    arms = {arm for _, arm in present}
    present |= {(metric, arm) for metric in lost if (metric == "exact_match") == (task == "question") for arm in arms}
    columns = [
        Column(metric, arm)
        for metric in sorted({metric for metric, _ in present}, key=metric_place)
        for arm in sorted({arm for name, arm in present if name == metric}, key=lambda arm: (arm != "plain", arm))
    ]
    systems = [system for system in run.systems if any(name == system for name, _, _ in found)]
    best = {
        column: max(
            (
                row["mean"]
                for (system, arm, metric), row in found.items()
                if (metric, arm) == (column.metric, column.arm) and system != BASELINE and row["mean"] is not None
            ),
            default=None,
        )
        for column in columns
    }

    def cell(system: str, column: Column) -> Cell:
        row = found.get((system, column.arm, column.metric))
        if row is None or row["mean"] is None:
            return Cell(unavailable=reasons.get((system, column.arm, column.metric), ""))
        return Cell(
            row["mean"],
            row["low"],
            row["high"],
            # only metrics of captions have one
            total=totals.get((system, column.arm, column.metric)) if task == "caption" else None,
            best=system != BASELINE and row["mean"] == best[column],
            against_baseline=tests.get((task, column.metric, (system, column.arm))),
        )

    return ScoreTable(
        task,
        columns,
        [ScoreRow(system, [cell(system, column) for column in columns], run.is_pretrained(system)) for system in systems],
        confidence=max((row["confidence"] for row in found.values()), default=0.95),
        items=max((row["items"] for row in found.values()), default=0),
        groups=max((row["groups"] for row in found.values()), default=0),
    )


@dataclass(frozen=True)
class Statement:
    """One sentence on a system against the baseline, from the numbers alone."""

    system: str
    metric: str
    verdict: str
    """``better`` or ``worse`` (by the mean), ``equal``."""
    text: str


VERDICT_METRICS = {"rouge1": "ROUGE-1", "modality_accuracy": "modality accuracy"}
"""Metrics on which the pretrained system is judged in words, as a sentence names them."""


def state_verdicts(tables: list[ScoreTable]) -> list[Statement]:
    """Say in words whether each pretrained system beats the mean of a random training caption, plain arm, on each of
    :data:`VERDICT_METRICS`. Empty where the table lacks the numbers."""
    statements = []
    for table in (table for table in tables if table.task == "caption"):
        cells = {
            (row.system, column.metric): cell
            for row in table.rows
            for column, cell in zip(table.columns, row.cells, strict=True)
            if column.arm == "plain"
        }
        for row in (row for row in table.rows if row.pretrained):
            for metric in VERDICT_METRICS:
                own, base = cells.get((row.system, metric)), cells.get((BASELINE, metric))
                if own is None or base is None or own.mean is None or base.mean is None:
                    continue
                verdict = "better" if own.mean > base.mean else "worse" if own.mean < base.mean else "equal"
                words = {"better": "beats", "worse": "does not beat", "equal": "only equals"}[verdict]
                text = (
                    f"{words} a caption drawn at random from the training split on {VERDICT_METRICS[metric]}: "
                    f"{own.mean:.3f} against {base.mean:.3f}"
                )
                if test := own.against_baseline:
                    text += (
                        f" (difference {test.difference:+.3f}, "
                        f"{table.confidence:.0%} interval {test.low:+.3f} to {test.high:+.3f}, "
                        f"{format_p(test.p_holm, 'Holm-corrected p')})"
                    )
                    text += "." if test.clear else ". By this test the difference could be chance."
                else:
                    text += "; no paired test was made."
                statements.append(Statement(row.system, metric, verdict, text))
    return statements


def format_p(value: float, symbol: str = "p") -> str:
    """A p value as papers print it."""
    return f"{symbol} < 0.001" if value < 0.001 else f"{symbol} = {value:.3f}"


def read_agreements(run: Run) -> list[dict[str, Any]]:
    """How far variants of a metric agree, one row a task and pair."""
    return sorted(
        run.rows(run.layout.variant_agreement, VARIANT_AGREEMENT),
        key=lambda row: (row["task"], metric_place(row["metric_a"]), metric_place(row["metric_b"])),
    )


def read_signatures(run: Run) -> list[dict[str, Any]]:
    """What exactly was computed, one row a system, arm and metric; the signature as indented JSON."""
    rows = []
    for system in run.systems:
        for row in run.rows(run.layout.metric_signatures(system), METRIC_SIGNATURES):
            try:
                signature = json.dumps(json.loads(row["signature"]), indent=2, ensure_ascii=False, sort_keys=True)
            except ValueError:
                signature = row["signature"]
            rows.append({**row, "signature": signature})
    return sorted(rows, key=lambda row: metric_place(row["metric"]))
