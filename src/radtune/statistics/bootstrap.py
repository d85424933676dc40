"""Confidence interval of a mean by the cluster bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DRAWS_IN_MEMORY = 1_000_000
"""Groups drawn at once: bounds the memory (some 30 MB) whatever the number of resamples."""


class Interval(NamedTuple):
    """A mean with its confidence interval."""

    mean: float
    low: float | None
    """None where there are fewer than two groups: nothing then says how groups differ."""
    high: float | None


def group_sums(values: NDArray[np.float64], groups: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of ``values`` in each group and the groups' sizes, in the order of the groups' sorted names."""
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    return np.bincount(index, weights=values).astype(np.float64), np.bincount(index).astype(np.float64)


def cluster_bootstrap(
    values: NDArray[np.float64], groups: Sequence[str], *, confidence: float, resamples: int, seed: int
) -> Interval:
    """Mean of ``values`` (one an item) with a percentile interval over ``resamples`` draws of whole groups with replacement.

    Items of one group (case, article) resemble each other; drawing single items would make the interval too narrow
    (Davison & Hinkley 1997, section 3.8). Raises ``ValueError`` without values.
    """
    if not len(values):
        raise ValueError("the mean of no values")
    sums, sizes = group_sums(values, groups)
    mean = float(sums.sum() / sizes.sum())
    count = len(sums)
    if count < 2:
        return Interval(mean, None, None)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    step = max(1, DRAWS_IN_MEMORY // count)
    for start in range(0, resamples, step):
        drawn = rng.integers(count, size=(min(step, resamples - start), count))
        means[start : start + step] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))
