"""The components of a caption, found by rules: modality, finding, location, laterality, marker, measurement.

They are what tables 6 and 7 of the journal mark by hand in two captions (Bioengineering 2025, 12(12), 1330).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Final, NamedTuple

from radtune.benchmark.component_terms import (
    FINDINGS,
    LATERALITY,
    LOCATIONS,
    MARKER_ADJECTIVES,
    MARKER_SIGNS,
    MARKERS,
    NEGATION_ENDS,
    NEGATION_WORDS,
    NEGATIONS,
    UNITS,
    Terms,
)
from radtune.metrics.modality_accuracy import TERMS as MODALITIES

COMPONENTS: Final = ("modality", "finding", "location", "laterality", "marker", "measurement")
"""In the order of the papers' legend."""


class Component(NamedTuple):
    """A stretch of a text that names something."""

    component: str
    """One of :data:`COMPONENTS`."""
    name: str
    """What is named; two captions name the same if component and name are equal."""
    start: int
    end: int
    """``text[start:end]`` are the words."""


def find_components(text: str) -> list[Component]:
    """The components of ``text`` in their order, none overlapping another. Of overlapping terms the longest counts.

    A denied finding has a name of its own (``no pleural effusion``): to deny what the reference reports is not to name it.
    """
    measurements = [_measurement(match) for match in _MEASUREMENT.finditer(text)]
    taken = [range(found.start, found.end) for found in measurements]
    words = [word for word in _words(text) if not any(word.start in span for span in taken)]
    return sorted([*measurements, *_signs(text, taken), *_terms(text, words)], key=lambda found: found.start)


@lru_cache(maxsize=65_536)  # references come once a system and arm
def component_names(text: str) -> dict[str, frozenset[str]]:
    """What ``text`` names, by component."""
    found = find_components(text)
    return {component: frozenset(one.name for one in found if one.component == component) for component in COMPONENTS}


class _Word(NamedTuple):
    text: str
    start: int
    end: int
    joined: bool
    """Whether nothing but spaces, hyphens and slashes parts it from the word before."""


_WORD = re.compile(r"[^\W_]+")
_NUMBER = r"\d+(?:[.,]\d+)?"
_MEASUREMENT = re.compile(
    rf"(?<![a-wyz\d.])(?P<sizes>{_NUMBER}(?:\s*(?:[a-z]{{2}}\s*)?[x×*–-]\s*{_NUMBER})*)[\s-]*"
    rf"(?P<unit>{'|'.join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))})s?(?![^\W_])",
    re.IGNORECASE,
)
"""Numbers, joined by a times sign or a dash, before a unit: ``19.27 mm``, ``5 cm x 6 cm``, ``3-4 mm``."""


def _measurement(match: re.Match[str]) -> Component:
    unit, factor = UNITS[match["unit"].lower()]
    sizes = [f"{float(number.replace(',', '.')) * factor:g}" for number in re.findall(_NUMBER, match["sizes"])]
    joined = ("–" if re.search("[–-]", match["sizes"]) else " x ").join(sizes)
    return Component("measurement", f"{joined} {unit}", match.start(), match.end())


def _signs(text: str, taken: list[range]) -> list[Component]:
    return [
        Component("marker", MARKER_SIGNS[sign], place, place + 1)
        for place, sign in enumerate(text)
        if sign in MARKER_SIGNS and not any(place in span for span in taken)
    ]


def _words(text: str) -> Iterator[_Word]:
    end = 0
    for match in _WORD.finditer(text):
        yield _Word(match[0], match.start(), match.end(), not text[end : match.start()].strip(" \t\n-–/"))
        end = match.end()


def _terms(text: str, words: list[_Word]) -> Iterator[Component]:
    """The longest term at each place, from left to right."""
    vocabulary = _vocabulary()
    place = 0
    while place < len(words):
        found = _longest(words, place, vocabulary)
        if found is None:
            place += 1
            continue
        length, component, name = found
        first = place
        if component == "marker":
            while first and words[first].joined and words[first - 1].text.lower() in MARKER_ADJECTIVES:
                first -= 1
        if component == "finding" and _denied(text, words, place):
            name = f"no {name}"
        yield Component(component, name, words[first].start, words[place + length - 1].end)
        place += length


def _longest(words: list[_Word], place: int, vocabulary: Mapping[str, tuple[str, str]]) -> tuple[int, str, str] | None:
    """Number of words, component and name of the longest term that begins at ``place``."""
    best, phrase, folded = None, "", ""
    for length, word in enumerate(words[place : place + _longest_term()], start=1):
        if length > 1 and not word.joined:
            break
        phrase, folded = f"{phrase} {word.text}".strip(), f"{folded} {word.text.lower()}".strip()
        # terms in capitals count in capitals only: US is no us
        if entry := vocabulary.get(phrase) or vocabulary.get(folded):
            best = (length, *entry)
    return best


def _denied(text: str, words: list[_Word], place: int) -> bool:
    """Whether a negation stands before the word at ``place`` with no punctuation or change of mind between."""
    for before in range(place - 1, max(-1, place - 1 - NEGATION_WORDS), -1):
        if re.search(r"[.,;:()]", text[words[before].end : words[before + 1].start]):
            return False
        word = words[before].text.lower()
        if word in NEGATION_ENDS:
            return False
        if word in NEGATIONS:
            return True
    return False


@cache
def _vocabulary() -> dict[str, tuple[str, str]]:
    """Each term with its plural to component and name. An earlier list wins over a later one."""
    vocabulary: dict[str, tuple[str, str]] = {}
    lists: list[tuple[str, Terms]] = [
        ("modality", MODALITIES), ("marker", MARKERS), ("finding", FINDINGS), ("location", LOCATIONS), ("laterality", LATERALITY),
    ]  # fmt: skip
    for component, terms in lists:
        for name, others in terms.items():
            for term in (*others, *(() if component == "modality" else (name,))):
                for form in _forms(term):
                    vocabulary.setdefault(form, (component, name))
    return vocabulary


@cache
def _longest_term() -> int:
    return max(len(term.split()) for term in _vocabulary())


def _forms(term: str) -> Iterable[str]:
    """A term and its regular plural."""
    if term.endswith("y") and term[-2] not in "aeiou":
        return term, f"{term[:-1]}ies"
    if term.endswith(("s", "x", "ch", "sh")):
        return term, f"{term}es"
    return term, f"{term}s"
