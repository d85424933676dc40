"""Put the shards of a prediction together: the same ``predictions`` that one job would have made."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from radtune.artifacts.io import check_kind, read_rows, write
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.artifacts.provenance import provenance
from radtune.config.models import PredictStep
from radtune.errors import ArtifactError
from radtune.images.store import ImageStore
from radtune.inference.rows import read_test_rows


def gather(
    captions: Path,
    questions: list[Path],
    images: list[Path],
    shards: list[Path],
    output: Path,
    *,
    settings: PredictStep,
    seed: int,
) -> None:
    """Write the rows of ``shards``, in any order, to ``output`` in the order of the row ids.

    The test rows are read anew, so that what is gathered is known to be what was to be asked. Raises :class:`ArtifactError` if
    the shards belong to different predictions or to others than ``settings``, or if a row is missing, double or unknown.
    """
    notes = _common_notes(shards, settings, seed)
    test = read_test_rows(captions, questions, ImageStore(images), None, settings.generation.tasks)
    rows = [row for shard in shards for row in read_rows(shard, PREDICTIONS)]
    counts = Counter(row["row_id"] for row in rows)
    expected = {row.row_id for row in test.rows}
    wrong = {
        "missing": expected - counts.keys(),
        "double": {row_id for row_id, count in counts.items() if count > 1},
        "unknown": counts.keys() - expected,
    }
    for what, row_ids in wrong.items():
        if row_ids:
            raise ArtifactError(
                f"{output}: {len(row_ids)} rows are {what} in its {len(shards)} shards, such as {min(row_ids)}",
                "pass each shard once; if they are all there, make them again",
            )
    write(
        output,
        PREDICTIONS,
        sorted(rows, key=lambda row: row["row_id"]),
        provenance(
            __name__,
            settings,
            seed,
            inputs={"captions": captions, "questions": questions, "images": images, "shards": shards},
            notes=notes,
        ),
        rows_in=test.rows_in,
        dropped=test.dropped,
    )


def _common_notes(shards: list[Path], settings: PredictStep, seed: int) -> dict[str, Any]:
    """The notes of all shards; those that differ, such as the device, as a list of what occurs."""
    footers = [check_kind(path, PREDICTIONS) for path in shards]
    for path, footer in zip(shards, footers, strict=True):
        if (footer["settings"], footer["seed"]) != (settings.model_dump(mode="json"), seed):
            raise ArtifactError(f"{path}: made with other settings than these", "make the shards again")
        if (footer["code"], _digests(footer)) != (footers[0]["code"], _digests(footers[0])):
            raise ArtifactError(f"{path}: made by other code or from other inputs than {shards[0]}", "make the shards again")
    notes: dict[str, Any] = {}
    for name in footers[0]["notes"]:
        values = {footer["notes"][name] for footer in footers}
        notes[name] = values.pop() if len(values) == 1 else sorted(values)
    return notes


def _digests(footer: dict[str, Any]) -> dict[str, str]:
    return {name: record["digest"] for name, record in footer["inputs"].items()}
