"""The gallery: test images with the reference, what every system wrote, and the questions they were asked."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.kinds.modality_predictions import MODALITY_PREDICTIONS
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.artifacts.kinds.scores import SCORES
from radtune.artifacts.layout import BASELINE
from radtune.benchmark.components import component_names, find_components
from radtune.report.read_run import Run


@dataclass(frozen=True)
class Piece:
    """A stretch of a caption."""

    text: str
    component: str = ""
    """What it names (:data:`radtune.benchmark.components.COMPONENTS`); empty if nothing."""
    shared: bool = False
    """Whether the reference names the same."""


@dataclass(frozen=True)
class Written:
    """A text that one system wrote."""

    system: str
    arm: str
    text: str
    score: float | None
    """ROUGE-1 of a caption, exact match of an answer; None where the metric was unavailable."""
    pieces: list[Piece]
    """The text of a caption by components; empty for an answer."""

    @property
    def is_baseline(self) -> bool:
        """Whether it was drawn at random from the training split."""
        return self.system == BASELINE


@dataclass(frozen=True)
class Asked:
    """One question on the image."""

    question: str
    reference: str
    answers: list[Written]


@dataclass(frozen=True)
class Example:
    """One test image."""

    item_id: str
    reference: list[Piece]
    label: str
    """Modality by CUIs; empty if unknown."""
    predicted: str
    """Modality by the classifier; empty if unknown."""
    probability: float | None
    """The classifier's calibrated probability of ``predicted``."""
    captions: list[Written]
    questions: list[Asked]


def choose_items(modality_of: dict[str, str], count: int, seed: int) -> list[str]:
    """Choose ``count`` of the items, as evenly over modalities as they allow, at random within one.

    ``modality_of`` maps item ids to modalities. The choice depends on neither the order of the items nor anything but
    the seed, and a smaller count gives a beginning of a larger one's choice.
    """
    queues: dict[str, list[str]] = {}
    for item_id in sorted(modality_of):
        queues.setdefault(modality_of[item_id], []).append(item_id)
    for modality, queue in queues.items():
        random.Random(f"{seed} {modality}").shuffle(queue)
    chosen: list[str] = []
    while len(chosen) < count and any(queues.values()):
        for modality in sorted(queues):
            if queues[modality] and len(chosen) < count:
                chosen.append(queues[modality].pop())
    return chosen


def split_components(text: str, reference: str) -> list[Piece]:
    """``text`` in pieces that join to it again, each component in one of its own."""
    named = component_names(reference)
    pieces, end = [], 0
    for found in find_components(text):
        pieces.append(Piece(text[end : found.start]))
        shared = found.name in named[found.component]
        pieces.append(Piece(text[found.start : found.end], found.component, shared))
        end = found.end
    return [piece for piece in (*pieces, Piece(text[end:])) if piece.text]


def read_gallery(run: Run, count: int, seed: int) -> list[Example]:
    """Draw ``count`` test images that systems have described, spread over modalities, with all that was written on them."""
    captions = run.table(run.layout.captions, CAPTIONS, ["item_id", "split", "caption"])
    if captions is None:
        return []
    test = captions.filter(pc.equal(captions.column("split"), "test"))
    reference = dict(zip(test.column("item_id").to_pylist(), test.column("caption").to_pylist(), strict=True))
    labels = {row["item_id"]: row["label"] for row in run.rows(run.layout.modality_labels, MODALITY_LABELS, ["item_id", "label"])}
    described = {
        item_id
        for system in run.systems
        for arm in run.arms(system)
        for item_id in _described(run, system, arm)
        if item_id in reference and item_id not in run.restricted
    }
    chosen = choose_items({item_id: labels.get(item_id, "") for item_id in described}, count, seed)

    classified = {}
    if (table := run.table(run.layout.modality_predictions, MODALITY_PREDICTIONS)) is not None:
        classified = {row["item_id"]: row for row in _only(table, chosen)}
    questions = {}
    for path in (run.layout.question_pairs, run.layout.known_pairs):
        if (table := run.table(path, QUESTION_PAIRS, ["question_id", "item_id", "question"])) is not None:
            questions.update({row["question_id"]: row["question"] for row in _only(table, chosen)})
    written = [row for system in run.systems for arm in run.arms(system) for row in _predictions(run, system, arm, chosen)]
    return [_example(item_id, reference[item_id], labels, classified, questions, written) for item_id in chosen]


def _described(run: Run, system: str, arm: str) -> list[str]:
    """Item ids of one system's predictions."""
    table = run.table(run.layout.predictions(system, arm), PREDICTIONS, ["item_id"])
    ids: list[str] = [] if table is None else pc.unique(table.column("item_id")).to_pylist()
    return ids


def _only(table: pa.Table, item_ids: list[str]) -> list[dict[str, Any]]:
    """Rows of the given items."""
    rows: list[dict[str, Any]] = table.filter(pc.is_in(table.column("item_id"), pa.array(item_ids, pa.string()))).to_pylist()
    return rows


def _predictions(run: Run, system: str, arm: str, item_ids: list[str]) -> list[dict[str, Any]]:
    """Predictions of one system on the given items with their scores; of the baseline's draws, the first on each item."""
    table = run.table(run.layout.predictions(system, arm), PREDICTIONS)
    rows = [] if table is None else sorted(_only(table, item_ids), key=lambda row: row["prediction_id"])
    if system == BASELINE:
        rows = list({row["row_id"]: row for row in reversed(rows)}.values())
    scores = run.table(run.layout.scores(system), SCORES, ["prediction_id", "item_id", "arm", "metric", "value"])
    value = {}
    if scores is not None:
        value = {(row["prediction_id"], row["arm"], row["metric"]): row["value"] for row in _only(scores, item_ids)}
    metric = {"caption": "rouge1", "question": "exact_match"}
    return [{**row, "score": value.get((row["prediction_id"], arm, metric.get(row["task"], "")))} for row in rows]


def _example(
    item_id: str,
    reference: str,
    labels: dict[str, str],
    classified: dict[str, dict[str, Any]],
    questions: dict[str, str],
    written: list[dict[str, Any]],
) -> Example:
    own = [row for row in written if row["item_id"] == item_id]
    asked: dict[str, Asked] = {}
    for row in own:
        if row["task"] == "question":
            # The prompt of the modality arm names the modality; the question itself is the same in both arms.
            question = questions.get(row["row_id"].removeprefix("question:"), row["prompt"])
            entry = asked.setdefault(row["row_id"], Asked(question, row["reference"], []))
            entry.answers.append(Written(row["system"], row["arm"], row["prediction"], row["score"], []))
    prediction = classified.get(item_id)
    probability = None
    if prediction:
        probability = {pair["label"]: pair["probability"] for pair in prediction["probabilities"]}.get(prediction["predicted"])
    return Example(
        item_id,
        split_components(reference, reference),
        labels.get(item_id, ""),
        prediction["predicted"] if prediction else "",
        probability,
        [
            Written(row["system"], row["arm"], row["prediction"], row["score"], split_components(row["prediction"], reference))
            for row in own
            if row["task"] == "caption"
        ],
        [asked[row_id] for row_id in sorted(asked)],
    )
