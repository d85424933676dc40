import random

import pytest

from radtune.statistics.slices import part_names, part_of, terciles


def test_terciles_are_thirds_where_all_counts_differ() -> None:
    for size in range(3, 40):
        counts = random.Random(size).sample(range(1_000), size)
        bounds = terciles(counts)
        sizes = [sum(part_of(count, bounds) == part for count in counts) for part in range(3)]
        assert sum(sizes) == size
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("counts", "bounds"),
    [([5], ()), ([5, 5, 5], ()), ([1, 1, 9, 9], (1,)), ([1, 1, 1, 9], (1,)), ([1, 1, 2, 2, 3, 3], (1, 2))],
)
def test_equal_counts_stay_together(counts: list[int], bounds: tuple[int, ...]) -> None:
    assert terciles(counts) == bounds
    assert {part_of(count, bounds) for count in counts} == set(range(len(bounds) + 1))


def test_names_say_what_belongs_to_a_part() -> None:
    assert part_names((9, 16, 20), "words") == ["up to 9 words", "10 to 16 words", "17 to 20 words", "21 words or more"]
    assert [part_of(count, (9, 16, 20)) for count in (0, 9, 10, 16, 17, 20, 21)] == [0, 0, 1, 1, 2, 2, 3]
    assert part_names((), "words") == ["any number of words"]


def test_terciles_of_nothing_are_an_error() -> None:
    with pytest.raises(ValueError, match="of nothing"):
        terciles([])
