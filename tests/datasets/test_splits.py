from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from radtune.datasets.splits import SHARES, cut_slabs, split_studies


@given(
    sizes=st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(1, 30), min_size=1),
    modalities=st.lists(st.sampled_from(["CT", "MRI", "Ultrasound"]), min_size=1),
    seed=st.integers(0, 5),
)
def test_every_study_has_one_split_and_each_modality_with_two_is_learnt_and_tested(
    sizes: dict[str, int], modalities: list[str], seed: int
) -> None:
    kinds = {study: modalities[number % len(modalities)] for number, study in enumerate(sizes)}
    splits = split_studies(sizes, kinds, seed)
    assert splits.keys() == sizes.keys()
    assert split_studies(dict(reversed(sizes.items())), kinds, seed) == splits
    for modality in set(kinds.values()):
        own = {splits[study] for study in sizes if kinds[study] == modality}
        assert "train" in own
        assert len([study for study in sizes if kinds[study] == modality]) < 2 or "test" in own


def test_shares_are_met_with_many_equal_studies() -> None:
    sizes = {f"study {number}": 1 for number in range(1000)}
    counts = Counter(split_studies(sizes, dict.fromkeys(sizes, "CT"), seed=3).values())
    assert all(abs(counts[split] / 1000 - share) < 0.005 for split, share in SHARES.items())


def test_another_seed_gives_another_division() -> None:
    sizes = {f"study {number}": 1 for number in range(20)}
    kinds = dict.fromkeys(sizes, "CT")
    assert len({tuple(sorted(split_studies(sizes, kinds, seed).items())) for seed in range(5)}) > 1


@given(
    count=st.integers(0, 80),
    spacing=st.floats(0.5, 10, allow_nan=False),
    gap=st.floats(0, 40, allow_nan=False),
    start=st.floats(-200, 200, allow_nan=False),
    seed=st.integers(0, 20),
)
def test_slices_of_two_splits_are_a_gap_apart(count: int, spacing: float, gap: float, start: float, seed: int) -> None:
    positions = [start + spacing * number for number in range(count)]
    splits = cut_slabs(positions, gap, str(seed))
    assert len(splits) == count
    placed = [(place, split) for place, split in zip(positions, splits, strict=True) if split]
    for (below, first), (above, second) in pairwise(placed):
        assert first == second or above - below >= gap - 1e-6
    if count:
        assert splits[0] is not None
        assert splits[-1] is not None


def test_slabs_have_the_wanted_lengths() -> None:
    counts = Counter(cut_slabs([float(place) for place in range(1025)], 12.0, "any"))
    assert abs(counts["train"] - 650) <= 2
    assert abs(counts["valid"] - 120) <= 2
    assert abs(counts["test"] - 230) <= 2
    assert counts[None] in (22, 23, 24)


def test_a_short_volume_is_not_cut() -> None:
    assert cut_slabs([0.0, 4.0, 8.0], 12.0, "any") == ["train"] * 3
