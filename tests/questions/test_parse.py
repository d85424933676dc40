"""The forms in which language models write pairs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radtune.questions.parse import Pair, parse_pairs

TWO = [Pair("What is seen?", "A mass."), Pair("Where is it?", "In the liver.")]


@pytest.mark.parametrize(
    "reply",
    [
        "Q: What is seen?\nA: A mass.\nQ: Where is it?\nA: In the liver.",
        "Here are 2 pairs:\n\nQ: What is seen?\nA: A mass.\n\nQ: Where is it?\nA: In the liver.\n\nI hope it helps!",
        "**Question 1:** What is seen?\n**Answer 1:** A mass.\n\n**Question 2:** Where is it?\n**Answer:** In the liver.",
        "Sure!\n1. Q: What is seen?\n   A: A mass.\n2. Q: Where is it?\n   A: In the liver.",
        "Q1. What is seen?\nA1. A mass.\nQ2. Where is it?\nA2. In the liver.",
        "1. What is seen?\n- A mass.\n2) Where is it?\n- In the liver.",
        "1. What is seen? A mass.\n2. Where is it? - In the liver.",
        "What is seen?\nA mass.\n\nWhere is it?\nIn the liver.",
        "What is seen?\n\nA mass.\n\nWhere is it?\n\nIn the liver.\n\nLet me know about more.",
        "Q: What is seen? A: A mass.\r\nQ: Where is it? A: In the liver.\r\n",
        "Question: What is seen?\n\nAnswer: A\nmass.\n\nQuestion: Where is it?\n\nAnswer: In the liver.",
    ],
)
def test_every_form_gives_the_same_pairs(reply: str) -> None:
    assert parse_pairs(reply) == TWO


@pytest.mark.parametrize("reply", ["", "  \n\n", "I'm sorry, but I cannot help with that.", "Here are some pairs:"])
def test_a_reply_without_pairs_gives_none(reply: str) -> None:
    assert parse_pairs(reply) == []


@pytest.mark.parametrize(
    ("reply", "pairs"),
    [
        ("Q: What is seen?\nQ: Where is it?\nA: Left.", [Pair("What is seen?", ""), Pair("Where is it?", "Left.")]),
        ("Q: What is seen?\nA:", [Pair("What is seen?", "")]),
        ("A: The liver.", [Pair("", "The liver.")]),
        ("Q: What is seen?\nA: A mass.\nQ: Where is", [Pair("What is seen?", "A mass."), Pair("Where is", "")]),
        ("What is seen?", [Pair("What is seen?", "")]),
    ],
)
def test_half_pairs_are_kept_for_the_filters(reply: str, pairs: list[Pair]) -> None:
    assert parse_pairs(reply) == pairs


def test_a_word_that_begins_like_a_marker_is_none() -> None:
    assert parse_pairs("Is there an abscess?\nAbscess of the liver.\nQuite large.") == [
        Pair("Is there an abscess?", "Abscess of the liver. Quite large.")
    ]


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=200))
def test_any_text_can_be_parsed(reply: str) -> None:
    for pair in parse_pairs(reply):
        assert pair.question or pair.answer
        assert "\n" not in pair.question + pair.answer
