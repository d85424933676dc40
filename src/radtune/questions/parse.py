"""Find question–answer pairs in what a language model wrote.

Seen in practice: a filler line first ("Here are two questions:"), ``Q:``/``A:`` or ``Question 1:``/``Answer:`` with and without
Markdown, numbered questions with the answer behind or below, and bare alternate lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_DECORATION = re.compile(r"[*_`#>]+")
_BULLET = re.compile(r"^\s*(?:[-•–]\s+|\(?\d{1,2}[.)]\s*)")
_MARKER = re.compile(r"^(?P<mark>question|answer|q|a)\s*\d{0,2}\s*[:.)]\s*", re.IGNORECASE)
_INLINE_ANSWER = re.compile(r"(?<=[?.])\s+(?=(?:answer|a)\s*\d{0,2}\s*:)", re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """A question and its answer as written; either may be empty."""

    question: str
    answer: str


def parse_pairs(reply: str) -> list[Pair]:
    """The pairs of ``reply`` in order.

    A question without an answer, or an answer without a question, is a pair with an empty half, so that nothing a model wrote
    in the form of a pair is lost; text of another form is filler.
    """
    pairs: list[Pair] = []
    question: str | None = None  # waits for its answer
    answer_open = False  # the line before belongs to the answer of the last pair
    for line in _lines(reply):
        match = _MARKER.match(line)
        mark = match["mark"][0].lower() if match else ""
        text = line[match.end() :].strip() if match else line
        if mark == "q" or (not mark and "?" in text):
            if question is not None:
                pairs.append(Pair(question, ""))
            end = text.rfind("?") + 1 or len(text)
            question, answer = text[:end].strip(), text[end:].strip(" -–—:\t")
            answer_open = False
            if answer:
                pairs.append(Pair(question, answer))
                question, answer_open = None, True
        elif mark == "a" or (question is not None and text):
            pairs.append(Pair(question or "", text))
            question, answer_open = None, True
        elif answer_open and text:
            pairs[-1] = Pair(pairs[-1].question, f"{pairs[-1].answer} {text}".strip())
        else:
            answer_open = False
    if question is not None:
        pairs.append(Pair(question, ""))
    return pairs


def _lines(reply: str) -> list[str]:
    """Lines without Markdown, bullets and numbers; a blank line stays, because it ends an answer."""
    lines: list[str] = []
    for line in reply.splitlines():
        plain = _BULLET.sub("", _DECORATION.sub("", line)).strip()
        lines.extend(_INLINE_ANSWER.split(plain) if plain else [""])
    return lines
