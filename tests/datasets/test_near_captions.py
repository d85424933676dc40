"""Near-duplicate captions: the pairs of brute force, whatever the order, and what counts as the same text."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from radtune.datasets.near_captions import SHINGLE, rank_shingles, similar_texts, words

TEXTS = st.lists(st.lists(st.sampled_from("abcde"), max_size=14).map(" ".join), max_size=14)


def brute_force(left: list[str], right: list[str], threshold: float, minimum: int) -> list[tuple[int, int, float]]:
    def shingles(text: str) -> set[tuple[str, ...]]:
        found = words(text)
        count = len(found) - SHINGLE + 1
        return {tuple(found[start : start + SHINGLE]) for start in range(count)} if len(found) >= minimum else set()

    pairs = []
    for i, first in enumerate(map(shingles, left)):
        for j, second in enumerate(map(shingles, right)):
            if first and second and len(first & second) / len(first | second) >= threshold:
                pairs.append((i, j, len(first & second) / len(first | second)))
    return pairs


@given(left=TEXTS, right=TEXTS, threshold=st.sampled_from([0.1, 0.5, 0.7, 0.8, 1.0]), minimum=st.integers(3, 8))
@example(left=["a b c d e a c e b d b a"], right=["a b c d e a c e b d b a"], threshold=0.7, minimum=3)
def test_pairs_are_those_of_brute_force(left: list[str], right: list[str], threshold: float, minimum: int) -> None:
    ranked = rank_shingles(left + right, minimum)
    found = list(similar_texts(ranked[: len(left)], ranked[len(left) :], threshold))
    assert found == brute_force(left, right, threshold, minimum)


def test_case_punctuation_and_typography_do_not_count() -> None:
    assert words("CT: Axial\u00a0view, 5\u2009mm (\u201carrow\u201d) \ufb01ssure.") == [
        "ct",
        "axial",
        "view",
        "5",
        "mm",
        "arrow",
        "fissure",
    ]


def test_short_stock_phrases_are_not_compared() -> None:
    stock = "Chest X-ray, posteroanterior view."
    assert rank_shingles([stock, stock], 8) == [(), ()]
    assert list(similar_texts([()], [()], 0.5)) == []
