"""From raw replies to judged pairs: every reply leaves a row, duplicates are found, ids are stable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from radtune.artifacts.io import read_footer, read_rows, write
from radtune.artifacts.kinds.llm_replies import LLM_REPLIES
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.artifacts.provenance import provenance
from radtune.config.questions import FilterSettings, QuestionSettings
from radtune.errors import DataError
from radtune.questions.filter import filter_questions

from .conftest import WriteCaptions

CAPTION = "CT of the abdomen with a mass in the liver."
GOOD = "Q: What does the CT show?\nA: A mass."


def judge(
    write_captions: WriteCaptions, folder: Path, items: list[dict[str, Any]], replies: list[tuple[str, str, str]]
) -> list[dict[str, Any]]:
    """Pairs that come of ``replies`` (item id, reply, finish reason)."""
    captions = write_captions([{"caption": CAPTION, **item} for item in items])
    rows = [
        {
            **dict.fromkeys(LLM_REPLIES.schema.names, ""),
            "item_id": item_id,
            "reply": reply,
            "finish_reason": finish_reason,
            "seconds": 0.0,
        }
        for item_id, reply, finish_reason in replies
    ]
    path, output = folder / "replies.parquet", folder / "pairs.parquet"
    write(path, LLM_REPLIES, rows, provenance("radtune.questions.write", QuestionSettings(), 1, inputs={}))
    filter_questions(captions, path, output, settings=FilterSettings(), seed=1)
    return read_rows(output, QUESTION_PAIRS)


def test_every_reply_leaves_a_row_with_its_reasons(write_captions: WriteCaptions, tmp_path: Path) -> None:
    rows = judge(
        write_captions,
        tmp_path,
        [{"item_id": "a"}, {"item_id": "b", "split": "test"}, {"item_id": "c"}, {"item_id": "d"}],
        [
            ("a", GOOD + "\nQ: Where is the mass?\nA: In the spleen.", "stop"),
            ("b", "I cannot help with that.", "stop"),
            ("c", "UnusableAnswer: not the protocol's JSON", "error"),
            ("d", GOOD + "\nQ: Where is the mass?\nA: In the", "length"),
        ],
    )
    assert [(row["question_id"], row["split"], row["accepted"], row["reasons"]) for row in rows] == [
        ("a/llm/0", "train", True, []),
        ("a/llm/1", "train", False, ["unsupported"]),
        ("b/llm/0", "test", False, ["no_pair"]),
        ("c/llm/0", "train", False, ["unusable_reply"]),
        ("d/llm/0", "train", True, []),
        ("d/llm/1", "train", False, ["empty_answer", "cut_off"]),
    ]
    assert {row["origin"] for row in rows} == {"llm"}
    footer = read_footer(tmp_path / "pairs.parquet")
    assert footer["notes"] == {"replies": 4, "accepted": 2}
    assert footer["rows_in"] == footer["rows_out"] == 6


def test_a_question_is_kept_once_an_image_and_the_first_accepted_one_counts(
    write_captions: WriteCaptions, tmp_path: Path
) -> None:
    rows = judge(
        write_captions,
        tmp_path,
        [{"item_id": "a", "image_sha256": "same"}, {"item_id": "b", "image_sha256": "same"}, {"item_id": "c"}],
        [
            ("a", f"Q: What does the CT show?\nA: A cyst.\nQ: what does the CT show ?\nA: A mass.\n{GOOD}", "stop"),
            ("b", GOOD, "stop"),
            ("c", GOOD, "stop"),
        ],
    )  # fmt: skip
    assert {row["question_id"]: row["reasons"] for row in rows} == {
        "a/llm/0": ["unsupported"],
        "a/llm/1": [],
        "a/llm/2": ["duplicate"],
        "b/llm/0": ["duplicate"],
        "c/llm/0": [],
    }


def test_replies_to_unknown_items_are_refused(write_captions: WriteCaptions, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 replies belong to no item of .*captions.parquet, such as z"):
        judge(write_captions, tmp_path, [{"item_id": "a"}], [("z", GOOD, "stop")])
