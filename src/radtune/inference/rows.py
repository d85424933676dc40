"""What a model is asked on the test split, one row a caption or question."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.modality_predictions import MODALITY_PREDICTIONS
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.config.models import Task
from radtune.errors import ArtifactError
from radtune.images.store import ImageStore

MODALITY_PREFIX = {"CT": "CT: ", "MRI": "MRI: ", "Radiograph": "Radiograph: ", "Ultrasound": "ultrasound: ", "Other": ""}
"""What is put before the prompt for each predicted modality, spelt as in the journal paper; nothing where the modality
is none of the four."""


@dataclass(frozen=True)
class TestRow:
    """One thing to ask."""

    row_id: str
    item_id: str
    group_id: str
    task: Task
    question: str
    prefix: str
    reference: str


@dataclass(frozen=True)
class TestRows:
    """Everything to ask, in the order of the row ids."""

    rows: list[TestRow]
    rows_in: int
    """Rows of the test split for the tasks in question, before any was dropped."""
    dropped: dict[str, int]
    """Reason to count."""


def read_test_rows(
    captions: Path, questions: Sequence[Path], store: ImageStore, modality_predictions: Path | None, tasks: Sequence[Task]
) -> TestRows:
    """Test captions and accepted test questions of ``tasks``, with an image.

    With ``modality_predictions`` each row's prefix is the modality predicted for its image (the true one is not read). Raises
    :class:`ArtifactError` if an image has no prediction, or a question no caption row.
    """
    items = {row["item_id"]: row for row in read_rows(captions, CAPTIONS, ["item_id", "group_id", "split", "caption"])}
    asked: list[tuple[str, str, Task, str, str]] = []  # row id, item id, task, question, reference
    dropped: Counter[str] = Counter()
    if "caption" in tasks:
        asked += [
            (f"caption:{item_id}", item_id, "caption", "", row["caption"])
            for item_id, row in items.items()
            if row["split"] == "test" and row["caption"]  # an image without one only has questions
        ]
    if "question" in tasks:
        for path in questions:
            pairs = [row for row in read_rows(path, QUESTION_PAIRS) if row["split"] == "test"]
            dropped["question_rejected"] += sum(not row["accepted"] for row in pairs)
            asked += [
                (f"question:{row['question_id']}", row["item_id"], "question", row["question"], row["answer"])
                for row in pairs
                if row["accepted"]
            ]
            unknown = sorted({row["item_id"] for row in pairs} - items.keys())
            if unknown:
                raise ArtifactError(
                    f"{path}: asks about {unknown[0]}, which {captions} does not hold", "make the questions again"
                )
    rows_in = len(asked) + dropped.total()
    prefixes = None if modality_predictions is None else read_prefixes(modality_predictions)
    rows = []
    for row_id, item_id, task, question, reference in sorted(asked):
        if item_id not in store:
            dropped["no_image"] += 1
            continue
        if prefixes is not None and item_id not in prefixes:
            raise ArtifactError(f"{modality_predictions}: no prediction for {item_id}", "predict the modalities again")
        prefix = prefixes[item_id] if prefixes is not None else ""
        rows.append(TestRow(row_id, item_id, items[item_id]["group_id"], task, question, prefix, reference))
    return TestRows(rows, rows_in, {reason: count for reason, count in sorted(dropped.items()) if count})


def batches_of_shard(rows: Sequence[TestRow], batch_size: int, shard: int, shards: int) -> dict[int, Sequence[TestRow]]:
    """Every ``shards``-th batch of ``rows`` from batch ``shard`` on, by its number; both count from 0.

    Whole batches are dealt out, so that a row has the same neighbours whatever the number of shards: in bfloat16 they may
    change its caption.
    """
    numbers = range(shard, math.ceil(len(rows) / batch_size), shards)
    return {number: rows[number * batch_size : (number + 1) * batch_size] for number in numbers}


def read_prefixes(modality_predictions: Path) -> dict[str, str]:
    """The prefix of each item by its predicted modality. Raises :class:`ArtifactError` for a label without a prefix."""
    predicted = {
        row["item_id"]: row["predicted"]
        for row in read_rows(modality_predictions, MODALITY_PREDICTIONS, ["item_id", "predicted"])
    }
    unknown = sorted(set(predicted.values()) - MODALITY_PREFIX.keys())
    if unknown:
        raise ArtifactError(f"{modality_predictions}: unknown modality {unknown[0]!r}", "predict the modalities again")
    return {item_id: MODALITY_PREFIX[label] for item_id, label in predicted.items()}
