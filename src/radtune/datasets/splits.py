"""Which split a study or a slab of a volume goes to, so that no two splits hold the same patient's neighbouring images."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

SHARES: Mapping[str, float] = {"train": 0.65, "valid": 0.12, "test": 0.23}
"""Aimed share of the images in each split."""


def split_studies(sizes: Mapping[str, int], modalities: Mapping[str, str], seed: int) -> dict[str, str]:
    """Split of each study, given the number of its images and its modality.

    Modality by modality: the study with most images trains; of the others, in an order drawn with ``seed``, the first tests,
    the second validates, and the others go, large ones first, where most images are wanting. So every modality with two
    studies or more is both learnt and tested, and one with a single study is only learnt.
    """
    by_modality = defaultdict(list)
    for study in sorted(sizes):
        by_modality[modalities[study]].append(study)
    splits: dict[str, str] = {}
    for modality, studies in sorted(by_modality.items()):
        random.Random(f"{seed} {modality}").shuffle(studies)
        largest = max(studies, key=lambda study: sizes[study])
        studies.remove(largest)
        studies[2:] = sorted(studies[2:], key=lambda study: -sizes[study])
        counts = dict.fromkeys(SHARES, 0)
        total = sum(sizes[study] for study in [largest, *studies])
        for position, study in enumerate([largest, *studies]):
            if position < 3:
                split = ("train", "test", "valid")[position]
            else:
                split = max(SHARES, key=lambda name: SHARES[name] * total - counts[name])
            splits[study] = split
            counts[split] += sizes[study]
    return splits


def cut_slabs(positions: Sequence[float], gap: float, seed: str) -> list[str | None]:
    """Split of each of a volume's parallel slices, or None for those that fall into a gap between two slabs.

    ``positions`` are the slices' places along their normal, ascending, ``gap`` in the same unit. The extent, less two gaps, is
    cut into three slabs whose lengths have the ratio of :data:`SHARES` and whose order is drawn with ``seed``. Slices of two
    splits are then at least ``gap`` apart. A volume too short to be cut so goes to training as a whole.

    Slices of the other two planes of the same volume are cut in the same way on their own; they meet these in a line only.
    """
    extent = positions[-1] - positions[0] - 2 * gap if positions else 0.0
    if extent <= 2 * gap:
        return ["train"] * len(positions)
    order = list(SHARES)
    random.Random(seed).shuffle(order)
    slabs: list[tuple[str, float, float]] = []
    start = positions[0]
    for split in order:
        slabs.append((split, start, start + SHARES[split] * extent))
        start = slabs[-1][2] + gap
    rounding = 1e-6 * extent  # so that the last slice is in the last slab
    return [next((s for s, low, high in slabs if low <= place <= high + rounding), None) for place in positions]
