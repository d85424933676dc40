"""Paired test of two systems on the same items, and the correction for testing many pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test

from radtune.statistics.bootstrap import DRAWS_IN_MEMORY, group_sums


def sign_flip_test(differences: NDArray[np.float64], groups: Sequence[str], *, resamples: int, seed: int) -> float:
    """Two-sided p-value of the mean difference being 0: the sign of each whole group's differences is flipped at random.

    ``differences`` holds one value an item. Exact where ``resamples`` cover all sign patterns; else the observed pattern
    counts as one of the resamples, so that the p-value is never 0 (Phipson & Smyth 2010). One group alone gives 1.
    By ``scipy.stats.permutation_test``.
    """
    sums, _ = group_sums(differences, groups)
    if len(sums) < 2:
        return 1.0
    result = permutation_test(
        (sums,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, DRAWS_IN_MEMORY // len(sums)),
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted by Holm's step-down method (1979), which bounds the chance of any false finding; in the given order."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * factors))
    return [float(value) for value in adjusted]
