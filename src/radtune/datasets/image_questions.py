"""Data sets of questions about images: rows of one question each become one item an image and split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from radtune.artifacts.digests import text_digest
from radtune.datasets.source import Item

NAME_DIGITS = 12
"""Hex digits of a question's digest in its name: 48 bits tell the questions of one image apart."""


def question_name(question: str) -> str:
    """Name of a question that its release does not number: a digest of its words, the same whatever the order of rows."""
    return text_digest(" ".join(question.split()))[:NAME_DIGITS]


def one_item_an_image(rows: Iterable[Item]) -> Iterator[Item]:
    """Items of one id become one with the questions of all; everything else is the first's. In the order of first rows.

    Rows without an id stay alone.
    """
    by_id: dict[str, list[Item]] = {}
    for row in rows:
        by_id.setdefault(row.item_id or row.place, []).append(row)
    for same in by_id.values():
        yield replace(same[0], questions=tuple(question for row in same for question in row.questions))
