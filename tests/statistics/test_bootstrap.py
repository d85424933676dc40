import numpy as np
import pytest

from radtune.statistics.bootstrap import DRAWS_IN_MEMORY, cluster_bootstrap


def clustered(seed: int, groups: int = 40, effect: float = 1.0) -> tuple[np.ndarray, list[str]]:
    """Items whose true mean is 0, in groups of one to six that share an effect."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 7, size=groups)
    names = [f"g{group}" for group, size in enumerate(sizes) for _ in range(size)]
    return np.repeat(rng.normal(0, effect, groups), sizes) + rng.normal(0, 0.3, sizes.sum()), names


def test_interval_covers_the_true_mean_of_clustered_data_as_often_as_it_says() -> None:
    def coverage(by_group: bool) -> float:
        covered = 0
        for seed in range(300):
            values, names = clustered(seed)
            groups = names if by_group else [str(index) for index in range(len(values))]
            interval = cluster_bootstrap(values, groups, confidence=0.9, resamples=400, seed=seed)
            assert interval.low is not None
            assert interval.high is not None
            covered += interval.low <= 0 <= interval.high
        return covered / 300

    assert coverage(by_group=True) == pytest.approx(0.9, abs=0.05)
    assert coverage(by_group=False) < 0.75  # items of one group are no independent evidence


def test_mean_is_over_items_and_not_over_groups() -> None:
    interval = cluster_bootstrap(np.array([1.0, 1.0, 1.0, 0.0]), ["a", "a", "a", "b"], confidence=0.95, resamples=200, seed=1)
    assert interval == (0.75, 0.0, 1.0)


def test_same_seed_same_interval_whatever_the_order_of_rows() -> None:
    values, groups = np.array([1.0, 0.5, 0.25, 0.0, 1.0]), ["a", "b", "b", "c", "d"]
    first, second = (
        cluster_bootstrap(values[order], [groups[index] for index in order], confidence=0.95, resamples=500, seed=7)
        for order in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1])
    )
    assert first == second
    assert first != cluster_bootstrap(values, groups, confidence=0.5, resamples=500, seed=7)


def test_more_groups_than_fit_in_memory_at_once_are_drawn_in_parts() -> None:
    count = DRAWS_IN_MEMORY // 3
    values = np.arange(count, dtype=float) / count
    interval = cluster_bootstrap(values, [f"g{index:07d}" for index in range(count)], confidence=0.95, resamples=7, seed=1)
    assert interval.low is not None
    assert interval.low < 0.502
    assert interval.low > 0.496


def test_one_group_has_no_interval_and_no_values_no_mean() -> None:
    assert cluster_bootstrap(np.array([1.0, 0.0]), ["a", "a"], confidence=0.95, resamples=10, seed=1) == (0.5, None, None)
    with pytest.raises(ValueError, match="no values"):
        cluster_bootstrap(np.array([]), [], confidence=0.95, resamples=10, seed=1)
