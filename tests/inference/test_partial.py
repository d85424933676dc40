"""Finished batches of a prediction that is under way."""

from __future__ import annotations

import os
from pathlib import Path

from radtune.inference.partial import load_batch, partial_folder, remove, rows_kept, save_batch
from radtune.models.family import Generated


def test_a_batch_is_read_as_it_was_kept(tmp_path: Path) -> None:
    folder = partial_folder(tmp_path / "plain.parquet") / "mark"
    batch = [Generated("a lung", 3, "end"), Generated("", 8, "length")]
    save_batch(folder, 7, batch)
    assert load_batch(folder, 7) == batch
    assert load_batch(folder, 8) is None


def test_rows_are_those_of_the_fingerprint_at_work_last(tmp_path: Path) -> None:
    output = tmp_path / "plain.parquet"
    assert rows_kept(output) == 0
    for mark, batches, written in (("old", 5, 1_000), ("new", 2, 2_000)):
        for number in range(batches):
            save_batch(partial_folder(output) / mark, number, [Generated("x", 1, "end")] * 3)
        for path in (partial_folder(output) / mark).iterdir():
            os.utime(path, (written, written))
    assert rows_kept(output) == 6
    remove(output)
    assert rows_kept(output) == 0
