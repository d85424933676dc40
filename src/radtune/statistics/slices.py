"""Division of a set by the size of something counted, such as the words of a caption."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise


def terciles(counts: Sequence[int]) -> tuple[int, ...]:
    """Upper bounds, inclusive, of the lower thirds of ``counts``; fewer than two where equal counts leave a third empty.

    Equal counts stay together, so the parts are thirds only as far as ties allow. Raises ``ValueError`` without counts.
    """
    if not counts:
        raise ValueError("the terciles of nothing")
    ordered = sorted(counts)
    cuts = {ordered[-(-third * len(ordered) // 3) - 1] for third in (1, 2)}
    return tuple(sorted(cuts - {ordered[-1]}))


def part_names(bounds: Sequence[int], unit: str) -> list[str]:
    """Names of the parts that ascending, inclusive upper ``bounds`` make of the counts: one more than there are bounds."""
    if not bounds:
        return [f"any number of {unit}"]
    between = [f"{low + 1} to {high} {unit}" for low, high in pairwise(bounds)]
    return [f"up to {bounds[0]} {unit}", *between, f"{bounds[-1] + 1} {unit} or more"]


def part_of(count: int, bounds: Sequence[int]) -> int:
    """Index of the part that ``count`` belongs to, see :func:`part_names`."""
    return bisect_left(bounds, count)
