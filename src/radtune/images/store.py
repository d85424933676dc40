"""Random access to the standardised images of all shards by item id: what training, inference and report read them with."""

from __future__ import annotations

import builtins
import io
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from radtune.artifacts.io import check_kind
from radtune.artifacts.kinds.images import IMAGES
from radtune.errors import ArtifactError, DataError

ROW_GROUPS_HELD = 8
"""Row groups kept in memory: 8 of 16 images, about 8 MB of 512-pixel JPEG."""


class ImageStore:
    """Images by item id. Memory holds an index of the ids, the files' footers and the last few row groups, never the data set.

    Files are opened for each read and not kept open, so that a store can be pickled and used in forked data-loader workers.
    Their footers are kept: to parse one takes as long as to read sixteen images.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Index ``paths``. Raises :class:`ArtifactError` if one is no ``images`` artifact, or two hold the same item."""
        self._paths = [Path(path) for path in paths]
        self._place: dict[str, tuple[int, int, int]] = {}  # item id to file, row group, row
        self._held: OrderedDict[tuple[int, int], pa.ChunkedArray] = OrderedDict()
        self._footers: list[pq.FileMetaData] = []
        for file_number, path in enumerate(self._paths):
            check_kind(path, IMAGES)
            with pq.ParquetFile(path) as file:
                footer = file.metadata
                ids = iter(file.read(columns=["item_id"]).column("item_id").to_pylist())
            self._footers.append(footer)
            for group in range(footer.num_row_groups):
                for row, item_id in enumerate(islice(ids, footer.row_group(group).num_rows)):
                    if item_id in self._place:
                        first = self._paths[self._place[item_id][0]]
                        raise ArtifactError(f"{path}: holds {item_id}, and so does {first}", "name each shard of one run once")
                    self._place[item_id] = (file_number, group, row)

    @property
    def item_ids(self) -> list[str]:
        """Every item that has an image, sorted."""
        return sorted(self._place)

    def __len__(self) -> int:
        return len(self._place)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._place

    def bytes(self, item_id: str) -> builtins.bytes:
        """The encoded image. Raises :class:`DataError` if there is none for ``item_id``."""
        try:
            file_number, group, row = self._place[item_id]
        except KeyError:
            raise DataError(f"no image of {item_id}", "look for it in the quarantine of the images step") from None
        content: builtins.bytes = self._row_group(file_number, group)[row]["bytes"].as_py()
        return content

    def image(self, item_id: str) -> Image.Image:
        """The decoded image, mode RGB. Raises :class:`DataError` if there is none for ``item_id``."""
        return Image.open(io.BytesIO(self.bytes(item_id))).convert("RGB")

    def _row_group(self, file_number: int, group: int) -> pa.ChunkedArray:
        """The encoded images of one row group; the one used longest ago gives way."""
        key = (file_number, group)
        if key not in self._held:
            with pq.ParquetFile(self._paths[file_number], metadata=self._footers[file_number]) as file:
                # Threads cost more than they save on one column of sixteen rows, and do not outlive a fork.
                images = file.read_row_group(group, columns=["image.bytes"], use_threads=False).column("image")
            self._held[key] = images
            if len(self._held) > ROW_GROUPS_HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]
