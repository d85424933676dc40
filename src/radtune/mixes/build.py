"""Put together what a training run sees: captions, accepted questions, and a share of questions with known answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from radtune.artifacts.digests import text_digest
from radtune.artifacts.io import read_batches, read_rows, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.images import IMAGES
from radtune.artifacts.kinds.mix import MIX
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.artifacts.provenance import provenance
from radtune.config.mixes import MixSettings
from radtune.datasets.leakage_gate import LeakageGate
from radtune.errors import DataError

SPLITS = ("train", "valid")
"""Splits of which a training run sees anything; the validation rows are mixed like the training rows, so that losses compare."""

Row = dict[str, Any]
Origin = Literal["captions", "questions", "annealing"]


def build_mix(
    captions: Sequence[Path],
    images: Sequence[Path],
    questions: Path | None,
    known: Path | None,
    published: Sequence[Path],
    output: Path,
    quarantine: Path,
    *,
    settings: MixSettings,
    seed: int,
    gate: LeakageGate | None = None,
) -> None:
    """Write the rows of one mix (``mix``), sorted by row id, and what did not enter it (``quarantine``).

    ``captions`` and ``published`` (questions) are those of the first data set and of the further ones that ``settings`` names;
    ``questions`` were written by an LLM, ``known`` have answers known by construction. Questions count only if
    ``settings.questions`` is set. In each split as many high-quality questions (``known``, and published ones of the sets in
    ``settings.annealing``) are drawn, with the seed, as make ``settings.annealing_share`` of its question rows; all of them if
    there are too few, or if ``questions`` is None. The share reached is in the footer's notes. Rows whose item gives a test item
    away are left out where ``gate`` says so.
    Raises :class:`DataError` if a question belongs to no caption, if nothing is left to train on, or if ``gate`` stops the mix.
    """
    columns = ["item_id", "dataset", "split", "caption"]
    items = {row["item_id"]: row for path in captions for row in read_rows(path, CAPTIONS, columns)}
    with_image = {
        item_id
        for path in images
        for batch in read_batches(path, IMAGES, ["item_id"])
        for item_id in batch["item_id"].to_pylist()
    }
    written = _read_pairs(questions, items) if settings.questions and questions is not None else []
    by_construction = _read_pairs(known, items) if settings.questions and known is not None else []
    of_sets = [pair for path in published for pair in _read_pairs(path, items)] if settings.questions else []

    seen = {item_id for item_id, item in items.items() if item["split"] in SPLITS}
    leaked = gate.leaked(seen) if gate is not None else {}

    candidates: list[Row] = [
        *(_caption_row(item) for item in items.values() if settings.captions and _is_captioned(item, settings)),
        *(_question_row(pair, "questions", "written question, accepted by all filters") for pair in written),
        *(_question_row(pair, "annealing", "answer known by construction, drawn") for pair in by_construction),
        *(_published_row(pair, str(items[pair["item_id"]]["dataset"]), settings) for pair in of_sets),
    ]
    rejected_pairs = {pair["question_id"] for pair in (*written, *by_construction) if not pair["accepted"]}
    rows: list[Row] = []
    dropped: list[Row] = []
    for row in sorted(candidates, key=lambda row: str(row["row_id"])):
        if row["split"] not in SPLITS:
            dropped.append(_drop(row, "other_split", f"split {row['split']}"))
        elif row["item_id"] not in with_image:
            dropped.append(_drop(row, "no_image", "no usable image"))
        elif row["row_id"] in rejected_pairs:
            dropped.append(_drop(row, "rejected_pair", "rejected by the question filters"))
        elif row["item_id"] in leaked:
            dropped.append(_drop(row, "leaked", leaked[row["item_id"]]))
        else:
            rows.append(row)

    if questions is not None:
        surplus = _surplus(rows, settings.annealing_share, seed)
        why = f"not drawn: annealing share {settings.annealing_share}"
        dropped += [_drop(row, "not_drawn", why) for row in rows if row["row_id"] in surplus]
        rows = [row for row in rows if row["row_id"] not in surplus]
    if not any(row["split"] == "train" for row in rows):
        raise DataError(
            f"{output}: the mix would hold no training row",
            "include captions or questions in it, or see the quarantine of the steps before it",
        )

    inputs: dict[str, Path | list[Path]] = {"captions": list(captions), "images": list(images)}
    if written and questions is not None:
        inputs["questions"] = questions
    if by_construction and known is not None:
        inputs["known"] = known
    if of_sets:
        inputs["published"] = list(published)
    notes: dict[str, Any] = {"annealing_share": _shares(rows)}
    if gate is not None:
        inputs["leakage"] = gate.leakage
        notes["leakage_gate"] = gate.settings.gate
    record = provenance(__name__, settings, seed, inputs, notes=notes)
    dropped.sort(key=lambda row: (row["item_id"], row["detail"]))
    counts = dict(sorted(Counter(row["reason"] for row in dropped).items()))
    write(quarantine, QUARANTINE, dropped, record, rows_in=len(dropped))
    write(output, MIX, rows, record, rows_in=len(candidates), dropped=counts, quarantine=quarantine)


def _is_captioned(item: Row, settings: MixSettings) -> bool:
    """Whether an item's caption is learned: it has one, and its set is not only there for its questions."""
    return bool(item["caption"]) and item["dataset"] not in settings.annealing


def _read_pairs(path: Path, items: dict[str, Row]) -> list[Row]:
    pairs = read_rows(path, QUESTION_PAIRS)
    if strange := sorted({pair["item_id"] for pair in pairs} - items.keys()):
        raise DataError(f"{path}: asks about {strange[0]}, which is none of the captions", "make the questions again")
    return pairs


def _caption_row(item: Row) -> Row:
    return {
        "row_id": f"{item['item_id']}/caption",
        "item_id": item["item_id"],
        "split": item["split"],
        "task": "caption",
        "prompt": "",
        "target": item["caption"],
        "origin": "captions",
        "why": "published caption",
    }


def _published_row(pair: Row, dataset: str, settings: MixSettings) -> Row:
    if dataset in settings.annealing:
        return _question_row(pair, "annealing", f"published question of {dataset}, drawn")
    return _question_row(pair, "questions", f"published question of {dataset}")


def _question_row(pair: Row, origin: Origin, why: str) -> Row:
    return {
        "row_id": pair["question_id"],
        "item_id": pair["item_id"],
        "split": pair["split"],
        "task": "question",
        "prompt": pair["question"],
        "target": pair["answer"],
        "origin": origin,
        "why": why,
    }


def _drop(row: Row, reason: str, detail: str) -> Row:
    return {"item_id": row["item_id"], "step": __name__, "reason": reason, "detail": f"{row['row_id']}: {detail}"}


def _surplus(rows: Iterable[Row], share: float, seed: int) -> set[str]:
    """Ids of the annealing rows to leave out, so that in each split they are at most ``share`` of its question rows.

    Rows are ranked by a digest of seed and id: a row more or less elsewhere changes nothing about the others' order.
    """
    by_origin: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        by_origin.setdefault((row["split"], row["origin"]), []).append(row["row_id"])
    surplus: set[str] = set()
    for split in SPLITS:
        written = len(by_origin.get((split, "questions"), []))
        ranked = sorted(by_origin.get((split, "annealing"), []), key=lambda row_id: text_digest(f"{seed}/annealing/{row_id}"))
        surplus.update(ranked[round(share / (1 - share) * written) :])
    return surplus


def _shares(rows: Iterable[Row]) -> dict[str, float | None]:
    """Share of annealing rows among the question rows of each split; None where there are no questions."""
    counts = Counter((row["split"], row["origin"]) for row in rows if row["task"] == "question")
    shares: dict[str, float | None] = {}
    for split in SPLITS:
        total = counts[split, "questions"] + counts[split, "annealing"]
        shares[split] = counts[split, "annealing"] / total if total else None
    return shares
