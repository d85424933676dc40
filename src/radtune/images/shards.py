"""Which shard an item belongs to: a function of its id alone, so that adding or removing items moves no other item."""

from __future__ import annotations

import hashlib


def shard_of(item_id: str, shards: int) -> int:
    """The shard of ``item_id``, from 0 to ``shards`` - 1: SHA-256 of the id as a number, modulo ``shards``."""
    return int.from_bytes(hashlib.sha256(item_id.encode()).digest(), "big") % shards
