import itertools

import numpy as np
import pytest
from scipy.stats import permutation_test

from radtune.statistics.paired import holm, sign_flip_test


def test_few_groups_are_tested_exactly() -> None:
    differences = np.array([0.5, 0.1, 0.4, 0.3, -0.2, 0.6])
    groups = ["a", "a", "b", "c", "d", "e"]
    sums = [0.6, 0.4, 0.3, -0.2, 0.6]
    patterns = [sum(s * d for s, d in zip(signs, sums, strict=True)) for signs in itertools.product((1, -1), repeat=5)]
    by_hand = sum(abs(value) >= abs(sum(sums)) - 1e-12 for value in patterns) / len(patterns)
    assert sign_flip_test(differences, groups, resamples=2_000, seed=1) == pytest.approx(by_hand)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.2])
def test_drawn_patterns_agree_with_scipys_own_draws(shift: float) -> None:
    differences = np.random.default_rng(3).normal(shift, 0.5, 80)
    peer = permutation_test(
        (differences,), np.mean, permutation_type="samples", vectorized=True, n_resamples=20_000, rng=np.random.default_rng(1)
    )
    p_value = sign_flip_test(differences, [str(index) for index in range(80)], resamples=20_000, seed=1)
    assert p_value == pytest.approx(float(peer.pvalue), abs=0.02)


def test_the_most_groups_that_are_tested_exactly() -> None:
    differences = np.random.default_rng(5).normal(0.2, 0.5, 7)
    groups = [str(index) for index in range(7)]
    exact = permutation_test((differences,), np.mean, permutation_type="samples", vectorized=True, n_resamples=np.inf).pvalue
    assert sign_flip_test(differences, groups, resamples=128, seed=1) == pytest.approx(float(exact))
    drawn = {sign_flip_test(differences, groups, resamples=127, seed=seed) for seed in range(5)}
    assert len(drawn) > 1, "one resample fewer than patterns: drawn"


def test_a_clear_difference_is_found_and_p_is_never_zero() -> None:
    differences = np.full(60, 0.1)
    p_value = sign_flip_test(differences, [str(index) for index in range(60)], resamples=999, seed=1)
    assert p_value == pytest.approx(2 / 1000)  # two-sided, and the observed pattern counts


def test_one_group_is_no_evidence_however_many_items_it_has() -> None:
    assert sign_flip_test(np.full(500, 0.1), ["a"] * 500, resamples=999, seed=1) == 1


def test_equal_systems_give_one() -> None:
    assert sign_flip_test(np.zeros(30), [str(index) for index in range(30)], resamples=99, seed=1) == 1


def test_false_alarms_are_as_rare_as_promised_on_clustered_data() -> None:
    alarms = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        differences = np.repeat(rng.normal(size=25), 4) + rng.normal(0, 0.1, 100)
        groups = [f"g{index // 4}" for index in range(100)]
        alarms += sign_flip_test(differences, groups, resamples=199, seed=seed) <= 0.1
    assert alarms / 200 == pytest.approx(0.1, abs=0.06)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []
