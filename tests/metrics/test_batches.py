from itertools import chain, permutations

from radtune.metrics.batches import equal_length_batches

ITEMS = [(3, 1), (2,), (1, 1), (2,), (5, 5), (1, 2, 3)]


def test_each_distinct_item_once_with_items_of_its_length() -> None:
    assert equal_length_batches(ITEMS, len, 2) == [[(2,)], [(1, 1), (3, 1)], [(5, 5)], [(1, 2, 3)]]
    assert equal_length_batches(ITEMS, len, 9) == [[(2,)], [(1, 1), (3, 1), (5, 5)], [(1, 2, 3)]]
    assert equal_length_batches([], len, 9) == []


def test_the_order_of_the_items_is_of_no_account() -> None:
    batches = equal_length_batches(ITEMS, len, 2)
    assert all(equal_length_batches(order, len, 2) == batches for order in permutations(ITEMS))
    assert sorted(chain(*batches)) == sorted(set(ITEMS))
