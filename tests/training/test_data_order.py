from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from radtune.training.data_order import derived_seed, epoch_batches, grouped, sorted_batches

LENGTHS = st.dictionaries(st.text(min_size=1, max_size=6), st.integers(1, 200), min_size=1, max_size=80)


@given(LENGTHS, st.integers(1, 9), st.integers(0, 5), st.integers(0, 5))
def test_every_row_once_whatever_order_the_rows_come_in(lengths, batch_size, seed, epoch):
    batches = epoch_batches(lengths, batch_size, seed=seed, epoch=epoch)
    assert sorted(row_id for batch in batches for row_id in batch) == sorted(lengths)
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    backwards = dict(reversed(lengths.items()))
    assert epoch_batches(backwards, batch_size, seed=seed, epoch=epoch) == batches


def test_epochs_and_seeds_differ():
    lengths = {f"row-{number}": number % 17 for number in range(300)}
    first = epoch_batches(lengths, 4, seed=1, epoch=0)
    assert first != epoch_batches(lengths, 4, seed=1, epoch=1)
    assert first != epoch_batches(lengths, 4, seed=2, epoch=0)


def test_rows_of_like_length_share_a_batch():
    lengths = {f"row-{number:03d}": 1 + (number * 37) % 101 for number in range(400)}

    def padded(batches):
        return sum(len(batch) * max(lengths[row_id] for row_id in batch) for batch in batches)

    in_id_order = [batch for start in range(0, 400, 8) for batch in [[f"row-{n:03d}" for n in range(start, start + 8)]]]
    grouped_by_length = padded(epoch_batches(lengths, 8, seed=1, epoch=0))
    assert grouped_by_length < 1.1 * sum(lengths.values()) < padded(in_id_order)


def test_evaluation_order_is_by_length_then_id():
    assert sorted_batches({"b": 2, "a": 2, "c": 1}, 2) == [["c", "a"], ["b"]]


def test_an_epochs_last_step_may_be_short():
    assert grouped([["a"], ["b"], ["c"]], 2) == [[["a"], ["b"]], [["c"]]]


def test_derived_seed_is_the_same_in_every_process():
    assert derived_seed("step", 1, 2) == 8360094023040776764
    assert derived_seed("step", 12) != derived_seed("step", 1, 2)
