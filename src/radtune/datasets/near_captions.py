"""Near-duplicate captions: texts that share most of their runs of three words."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

SHINGLE = 3
"""Words of a shingle: a run of words that two texts may share."""

Ranked = tuple[int, ...]
"""The distinct shingles of one text as numbers, the rarest first; empty for a text that is not compared."""

_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Words of a text without case, punctuation and typographic variants (Unicode NFKC)."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def rank_shingles(texts: Sequence[str], minimum_words: int) -> list[Ranked]:
    """The shingles of each text, numbered from the rarest to the most frequent over all texts.

    Texts with fewer than ``minimum_words`` words are left empty: short stock phrases ("Chest X-ray, posteroanterior view") recur
    without one having been copied from the other.
    """
    number_of: dict[str, int] = {}
    numbered: list[list[int]] = []
    for text in texts:
        found = words(text)
        places = range(len(found) - SHINGLE + 1) if len(found) >= minimum_words else ()
        runs = (" ".join(found[place : place + SHINGLE]) for place in places)
        numbered.append(list(dict.fromkeys(number_of.setdefault(run, len(number_of)) for run in runs)))
    frequency = Counter(number for numbers in numbered for number in numbers)
    rarest_first = sorted(number_of, key=lambda run: (frequency[number_of[run]], run))
    rank = {number_of[run]: place for place, run in enumerate(rarest_first)}
    return [tuple(sorted(rank[number] for number in numbers)) for numbers in numbered]


def similar_texts(left: Sequence[Ranked], right: Sequence[Ranked], threshold: float) -> Iterator[tuple[int, int, float]]:
    """Every pair (index in left, index in right, Jaccard index) of texts whose Jaccard index is at least ``threshold``.

    Exact, by prefix filtering (Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007): two sets of sizes m and n with
    that index share an element among the m - ceil(t m) + 1 rarest of the one and the n - ceil(t n) + 1 rarest of the other. Only
    texts that share a rare shingle are compared.
    """
    by_shingle: dict[int, list[int]] = defaultdict(list)
    for place, text in enumerate(right):
        for shingle in _prefix(text, threshold):
            by_shingle[shingle].append(place)
    sets = [frozenset(text) for text in right]
    for place, text in enumerate(left):
        candidates = sorted({other for shingle in _prefix(text, threshold) for other in by_shingle.get(shingle, ())})
        for other in candidates:
            shared = len(sets[other].intersection(text))
            index = shared / (len(text) + len(sets[other]) - shared)
            if index >= threshold:
                yield place, other, index


def _prefix(text: Ranked, threshold: float) -> Ranked:
    # The small subtraction keeps a product such as 0.7 * 10 = 7.000000000000001 from cutting the prefix short.
    return text[: len(text) - math.ceil(threshold * len(text) - 1e-9) + 1] if text else ()
