"""Score one file of concepts (``ID,CUIs``) against another, as the concept detection task of ImageCLEFmedical does."""

from __future__ import annotations

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Final

from radtune.artifacts.digests import canonical_json
from radtune.artifacts.io import write
from radtune.artifacts.kinds.scores import SCORES
from radtune.artifacts.provenance import provenance
from radtune.config.metrics import BenchmarkSettings
from radtune.errors import ConfigError, DataError
from radtune.metrics.concept_detection import concept_detection_f1, parse_concepts
from radtune.metrics.contract import is_empty
from radtune.metrics.score_files import check_targets, prediction_rows
from radtune.metrics.score_summary import Summary, summarise_files, write_summary
from radtune.metrics.submission import CONCEPTS, read_submission

OVERALL: Final = "concept_detection_f1"
MANUAL: Final = "concept_detection_f1_manual"
"""The task's secondary score."""


def score_concepts(
    predictions: Path,
    references: Path,
    output: Path,
    summary: Path | None = None,
    *,
    manual: Path | None = None,
    strict_official: bool = False,
    seed: int,
) -> Summary:
    """Score the concepts of ``predictions`` (CSV, ``ID,CUIs``) against those of ``references`` and write ``scores``.

    ``manual`` is a file of the same format that holds the concepts that people assigned, such as ROCOv2's
    ``test_concepts_manual.csv``: the secondary score counts only concepts that occur in it. An image without a true concept has
    no value, or with ``strict_official`` that of the published evaluator: 1 if nothing is predicted either, else 0.
    ``summary`` is where the result goes as JSON.

    Raises :class:`DataError` if a file cannot be scored, and writes nothing.
    """
    inputs = {"predictions": predictions, "references": references} | ({"manual_concepts": manual} if manual else {})
    check_targets([output, *([summary] if summary else [])], list(inputs.values()))
    submitted, true = read_submission(predictions, references, CONCEPTS)
    if not true:
        raise DataError(f"{references}: holds no image", "give a file with at least one line after the header")
    among: dict[str, Set[str] | None] = {OVERALL: None}
    if manual is not None:
        among[MANUAL] = frozenset().union(*map(parse_concepts, read_submission(manual, manual, CONCEPTS)[1].values()))
    rows = prediction_rows(predictions.stem, submitted, true, task="concepts")
    values = {
        name: [_f1(row["prediction"], row["reference"], concepts, strict_official) for row in rows]
        for name, concepts in among.items()
    }
    score_rows = [
        {column: row[column] for column in SCORES.schema.names if column in row} | {"metric": name, "value": value}
        for name, of_name in values.items()
        for row, value in zip(rows, of_name, strict=True)
    ]
    signature_rows = [
        {
            "metric": name,
            "signature": canonical_json(_signature(among[name], strict_official)),
            "total": None,
            "unavailable_items": of_name.count(None),
            "reason": "",
        }
        for name, of_name in values.items()
    ]
    origin = provenance(__name__, BenchmarkSettings(), seed, inputs, notes={"strict_official": strict_official})
    found = summarise_files(
        "concepts", inputs, submitted, score_rows, signature_rows,
        strict_official=strict_official, seed=seed,
    )  # fmt: skip
    write(output, SCORES, score_rows, origin)
    if summary is not None:
        write_summary(summary, found)
    return found


def refuse_options(given: Mapping[str, object], task: str) -> None:
    """Raise :class:`ConfigError` that names the options with a value other than None: they mean nothing for files of ``task``."""
    if others := [option for option, value in given.items() if value is not None]:
        raise ConfigError(f"{', '.join(others)}: not for files of {task}", "leave it out")


def _f1(predicted: str, true: str, among: Set[str] | None, strict_official: bool) -> float | None:
    value = concept_detection_f1(parse_concepts(predicted), parse_concepts(true), among)
    if value is None and among is None and strict_official:  # the evaluator takes an empty cell for a concept without a name
        return float(is_empty(predicted))
    return value


def _signature(among: Set[str] | None, strict_official: bool) -> dict[str, object]:
    without = "1 if none is predicted, else 0" if strict_official and among is None else "no value"
    return {
        "metric": "concept detection F1",
        "definition": f"F1 of the sets of CUIs of an image, mean over images; no true concept: {without}",
        "among": None if among is None else sorted(among),
    }
