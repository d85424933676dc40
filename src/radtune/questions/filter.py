"""Turn raw replies into question–answer pairs, each accepted or rejected with its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from radtune.artifacts.io import read_rows, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.llm_replies import LLM_REPLIES
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.artifacts.provenance import provenance
from radtune.config.questions import FilterSettings
from radtune.errors import DataError
from radtune.questions.filters import Candidate, reasons, sameness
from radtune.questions.parse import parse_pairs


def filter_questions(captions: Path, replies: Path, output: Path, *, settings: FilterSettings, seed: int) -> None:
    """Parse every reply and judge every pair; write ``question_pairs``.

    A reply without any pair gives one rejected row (``no_pair``, or ``unusable_reply`` if the server's answer was none). A
    question asked before about the same image is a ``duplicate``, also when another item shows that image; the first accepted
    one stays.
    Raises :class:`DataError` if a reply belongs to no caption.
    """
    items = {row["item_id"]: row for row in read_rows(captions, CAPTIONS, ["item_id", "split", "caption", "image_sha256"])}
    raw = sorted(read_rows(replies, LLM_REPLIES, ["item_id", "reply", "finish_reason"]), key=lambda row: row["item_id"])
    if strange := sorted({row["item_id"] for row in raw} - items.keys()):
        raise DataError(
            f"{replies}: {len(strange)} replies belong to no item of {captions}, such as {strange[0]}",
            "write the questions again from these captions",
        )

    rows: list[dict[str, Any]] = []
    asked: set[tuple[str, str]] = set()
    for reply in raw:
        item = items[reply["item_id"]]
        for number, row in enumerate(_judged(reply, item["caption"], settings)):
            signs = {(item["image_sha256"], sign) for sign in sameness(row["question"], row["answer"])}
            if row["question"] and signs & asked:
                row["reasons"].append("duplicate")
            if not row["reasons"]:
                asked |= signs
            rows.append(
                {
                    "question_id": f"{reply['item_id']}/llm/{number}",
                    "item_id": reply["item_id"],
                    "split": item["split"],
                    "origin": "llm",
                    "accepted": not row["reasons"],
                    **row,
                }
            )
    notes = {"replies": len(raw), "accepted": sum(row["accepted"] for row in rows)}
    inputs: dict[str, Path | list[Path]] = {"captions": captions, "replies": replies}
    write(output, QUESTION_PAIRS, rows, provenance(__name__, settings, seed, inputs, notes=notes), rows_in=len(rows))


def _judged(reply: dict[str, Any], caption: str, settings: FilterSettings) -> Iterator[dict[str, Any]]:
    """Question, answer and reasons of each pair of one reply."""
    if reply["finish_reason"] == "error":
        yield {"question": "", "answer": "", "reasons": ["unusable_reply"]}
        return
    pairs = parse_pairs(reply["reply"])
    if not pairs:
        yield {"question": "", "answer": "", "reasons": ["no_pair"]}
    for pair in pairs:
        cut_off = reply["finish_reason"] == "length" and pair is pairs[-1]
        candidate = Candidate(pair.question, pair.answer, caption, cut_off)
        yield {"question": pair.question, "answer": pair.answer, "reasons": reasons(candidate, settings)}
