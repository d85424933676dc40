"""The order in which training sees its rows: a pure function of the seed, the epoch and the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

POOL_BATCHES = 50
"""Batches whose rows are sorted by length together: long enough for even batches, short enough to stay shuffled
(the factor of the length-grouped sampler of transformers)."""


def derived_seed(*parts: object) -> int:
    """A 63-bit seed from ``parts``, the same on every machine and in every process (unlike ``hash``)."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def epoch_batches(lengths: Mapping[str, int], batch_size: int, *, seed: int, epoch: int) -> list[list[str]]:
    """Row ids of each batch of one epoch, every row once, rows of like length together.

    ``lengths`` gives each row's text tokens. Rows are shuffled, sorted by length within pools of :data:`POOL_BATCHES`
    batches, cut into batches, and the batches are shuffled. Neither the order of ``lengths`` nor what happened in
    earlier epochs plays a part, so a resumed training finds its place by counting.
    """
    generator = np.random.Generator(np.random.PCG64(derived_seed("data order", seed, epoch)))
    shuffled = [str(row_id) for row_id in generator.permutation(np.array(sorted(lengths), dtype=object))]
    batches = []
    for start in range(0, len(shuffled), POOL_BATCHES * batch_size):
        pool = shuffled[start : start + POOL_BATCHES * batch_size]
        pool.sort(key=lambda row_id: -lengths[row_id])  # stable, so rows of one length keep their shuffled order
        batches += [pool[first : first + batch_size] for first in range(0, len(pool), batch_size)]
    return [batches[index] for index in generator.permutation(len(batches))]


def sorted_batches(lengths: Mapping[str, int], batch_size: int) -> list[list[str]]:
    """Batches of rows of like length, unshuffled: for evaluation."""
    ordered = sorted(lengths, key=lambda row_id: (lengths[row_id], row_id))
    return [ordered[first : first + batch_size] for first in range(0, len(ordered), batch_size)]


def grouped(batches: Sequence[list[str]], accumulation: int) -> list[list[list[str]]]:
    """The batches of each optimiser step: ``accumulation`` of them, fewer in an epoch's last step."""
    return [list(batches[first : first + accumulation]) for first in range(0, len(batches), accumulation)]
