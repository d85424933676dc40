"""A data set of the library `datasets` in Parquet files, such as those of the hub: an image column and a text column.

Files are found at any depth: ``data/train-00000-of-00007.parquet``, ``default/train/0000.parquet``, ``train.parquet``.
Columns are called as :data:`COLUMNS`, or as ``columns`` of the settings says; ROCOv2's mirror ``eltorio/ROCOv2-radiology`` needs
``{id: image_id, concepts: cui}``. ``image`` and ``caption`` are needed. Without a column ``split``, the path says it; without
one ``id``, items are numbered by file and row. ``concepts`` is a list of CUIs, or their text joined by ``;``.

An image is the library's struct of ``bytes`` and ``path``, or plain bytes. Its bytes are written to a file unchanged. One row
group is in memory at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from radtune.datasets.source import IMAGE_SUFFIXES, Format, Item, Source, UnusableImage, as_text, split_of
from radtune.errors import DataError

NEEDED = ("image", "caption")
COLUMNS = (*NEEDED, "id", "split", "group", "licence", "attribution", "link", "concepts")

_SHARD = re.compile(r"-\d{5}-of-\d{5}.*$")
"""End of the name of a file that is one of several."""

Cell = Callable[[Path, int, int], Any]
"""Gives the image of a file, row group and row."""


def read(source: Source) -> Iterator[Item]:
    """Every row of every file, files by path."""
    files = [path for path in sorted(source.folder.rglob("*.parquet")) if not _is_hidden(path.relative_to(source.folder))]
    if not files:
        raise DataError(f"{source.folder}: no Parquet file", "set the data set's folder to one that holds *.parquet files")
    source.files["parquet"] = files
    names = source.columns(COLUMNS)
    column = lru_cache(maxsize=1)(partial(_image_column, names["image"]))
    for path in files:
        yield from _items(source, path, names, lambda path, group, row: column(path, group)[row].as_py())


def _is_hidden(path: Path) -> bool:
    """Whether the path leads through a folder such as ``.cache``, where the hub's client keeps its own files."""
    return any(part.startswith(".") for part in path.parts)


def _items(source: Source, path: Path, names: Mapping[str, str], cell: Cell) -> Iterator[Item]:
    """Rows of one file."""
    name = str(path.relative_to(source.folder))
    split = _split_of_path(Path(name))
    with _reading(path) as file:
        schema = file.schema_arrow
        wanted = {*source.settings.columns.values(), *(names[column] for column in NEEDED)}
        if absent := sorted(wanted - set(schema.names)):
            raise DataError(f"{path}: no column {', '.join(absent)}", f"name them in columns; it has {', '.join(schema.names)}")
        _check_image_type(path, names["image"], schema.field(names["image"]).type)
        texts = {column: own for column, own in names.items() if column != "image" and own in schema.names}
        number = 0
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=sorted(set(texts.values()))).to_pylist()
            for row_of_group, values in enumerate(rows):
                number += 1
                place = f"{name}, row {number}"
                row = {column: values[own] for column, own in texts.items()}
                item_id = as_text(row["id"]).strip() if "id" in row else f"{name.removesuffix('.parquet')}-{number}"
                listed = row.get("concepts")
                yield Item(
                    item_id=item_id,
                    place=place,
                    split=as_text(row.get("split")) or split,
                    caption=as_text(row["caption"]),
                    image=None,
                    group=as_text(row.get("group")),
                    concepts=source.checked_cuis(
                        item_id, place, map(as_text, listed) if isinstance(listed, list) else as_text(listed).split(";")
                    ),
                    licence=as_text(row.get("licence")),
                    attribution=as_text(row.get("attribution")),
                    link=as_text(row.get("link")),
                    unpack=partial(_unpack, source, item_id, partial(cell, path, group, row_of_group)),
                )


def _split_of_path(path: Path) -> str:
    """The split that the file's name or, failing that, the nearest folder's names; the name itself where none does."""
    stem = _SHARD.sub("", path.stem)
    for part in (stem, *reversed(path.parent.parts)):
        if found := next(filter(None, map(split_of, re.split(r"[^A-Za-z]+", part))), None):
            return found
    return stem


def _check_image_type(path: Path, name: str, found: pa.DataType) -> None:
    """Raise :class:`DataError` if an image column of that type cannot hold images."""
    if pa.types.is_struct(found) and found.get_field_index("bytes") >= 0:
        return
    if not (pa.types.is_binary(found) or pa.types.is_large_binary(found)):
        raise DataError(f"{path}: the column {name} holds no images but {found}", "name the image column in columns")


@contextmanager
def _reading(path: Path) -> Iterator[pq.ParquetFile]:
    """A Parquet file. Whatever goes wrong while it is read becomes a :class:`DataError` that names it."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a readable Parquet file: {error}", "fetch the file again") from None


def _image_column(name: str, path: Path, group: int) -> pa.ChunkedArray:
    """The images of one row group."""
    with _reading(path) as file:
        return file.read_row_group(group, columns=[name]).column(name)


def _unpack(source: Source, item_id: str, cell: Callable[[], Any]) -> Path:
    """Write the bytes of one image to a file, or find the file that its path names."""
    value = cell()
    content, name = (value.get("bytes"), value.get("path") or "") if isinstance(value, dict) else (value, "")
    if content is not None:
        suffix = Path(name).suffix.lower()
        return source.write_image(item_id, suffix if suffix in IMAGE_SUFFIXES else "", content)
    if name and (path := source.inside(name)) is not None:
        return path
    raise UnusableImage("missing_image", "neither bytes nor a path of an image in the folder")


FORMAT = Format(read, watched=("**/*.parquet",), unpacks=True)
