"""Captions artifacts over image files, for the tests of the room."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from radtune.artifacts.io import write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.provenance import provenance
from radtune.config.images import ImageSettings

WriteCaptions = Callable[[Mapping[str, Path]], Path]


@pytest.fixture
def write_captions(tmp_path: Path) -> WriteCaptions:
    """Write a captions artifact for the image files given by item id; a file that is absent gets a digest of nothing."""

    def write_captions(files: Mapping[str, Path]) -> Path:
        rows = [
            {
                **dict.fromkeys(CAPTIONS.schema.names, ""),
                "item_id": item_id,
                "split": "train",
                "concepts": [],
                "manual_concepts": [],
                "restricted": False,
                "image_path": str(path),
                "image_sha256": hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest(),
            }
            for item_id, path in files.items()
        ]
        target = tmp_path / "captions.parquet"
        write(target, CAPTIONS, rows, provenance("radtune.images.shards", ImageSettings(), 1, inputs={}))
        return target

    return write_captions
