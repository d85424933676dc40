"""Paired test of two systems on the same items, and the correction for testing many pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test

from radtune.statistics.bootstrap import DRAWS_IN_MEMORY, group_sums


def sign_flip_test(differences: NDArray[np.float64], groups: Sequence[str], *, resamples: int, seed: int) -> float:
    """Two-sided p-value of the mean difference being 0: the sign of each whole group's differences is flipped at random.

    ``differences`` holds one value an item. Exact, by ``scipy.stats.permutation_test``, where ``resamples`` cover all sign
    patterns; else the same test on drawn patterns, of which the observed one counts as one more, so that the p-value is never 0
    (Phipson & Smyth 2010). One group alone gives 1.
    """
    sums, _ = group_sums(differences, groups)
    if len(sums) < 2:
        return 1.0
    if len(sums) < resamples.bit_length():  # 2 ** groups <= resamples
        exact = permutation_test((sums,), np.sum, permutation_type="samples", vectorized=True, n_resamples=resamples)
        return float(exact.pvalue)
    # SciPy draws one pattern after another in Python, which would take hours over the comparisons of a whole benchmark.
    rng = np.random.default_rng(seed)
    observed = sums.sum()
    rounding = 1e-12 * np.abs(sums).sum()  # patterns with equal sums differ in their last digits
    below = above = 0
    step = max(1, DRAWS_IN_MEMORY // len(sums))
    for start in range(0, resamples, step):
        flipped = rng.integers(2, size=(min(step, resamples - start), len(sums)), dtype=np.int8)
        drawn = observed - 2 * (flipped @ sums)
        below += int((drawn <= observed + rounding).sum())
        above += int((drawn >= observed - rounding).sum())
    return min(1.0, 2 * (min(below, above) + 1) / (resamples + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted by Holm's step-down method (1979), which bounds the chance of any false finding; in the given order."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * factors))
    return [float(value) for value in adjusted]
