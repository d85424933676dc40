"""Reading and writing artifacts: kind and schema checked, files written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from radtune.artifacts.digests import ContentDigest
from radtune.artifacts.kind import IMAGE_TYPE, Kind
from radtune.artifacts.provenance import FOOTER_KEY, Provenance, now
from radtune.errors import ArtifactError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success sync it and rename it over ``path``, on failure remove it.

    A reader never sees half a file. A full disk becomes an :class:`ArtifactError` that names the target.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written: {error}", "free disk space or correct the permissions") from error
    finally:
        temporary.unlink(missing_ok=True)


class ArtifactWriter:
    """Writes one artifact row batch by row batch; the target appears only when the ``with`` block ends well.

    ``rows_in`` and ``dropped`` (reason to count) go to the footer, so that rows in = rows out + rows dropped can be audited;
    so does ``quarantine``, the artifact that has a row for each row dropped, if the step writes one.
    """

    def __init__(
        self,
        path: Path,
        kind: Kind,
        provenance: Provenance,
        rows_in: int | None = None,
        quarantine: Path | None = None,
    ) -> None:
        self.path, self.kind, self.provenance = path, kind, provenance
        self.rows_in = rows_in
        self.quarantine = quarantine
        self.dropped: dict[str, int] = {}
        self._rows_out = 0
        self._digest = ContentDigest(kind)
        self._keys: set[tuple[Any, ...]] = set()
        self._waiting: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._atomic = atomic_path(self.path)
        self._temporary = self._atomic.__enter__()
        image_columns = [field.name for field in self.kind.schema if field.type == IMAGE_TYPE]
        compression: str | dict[str, str] = "zstd"
        statistics: bool | list[str] = True
        if image_columns:  # JPEG and PNG bytes do not shrink; their statistics would only bloat the footer
            leaves = [name for name in self.kind.schema.names if name not in image_columns]
            compression = dict.fromkeys(leaves, "zstd") | {
                f"{name}.{leaf}": "none" for name in image_columns for leaf in ("bytes", "path")
            }
            statistics = leaves
        try:
            self._parquet = pq.ParquetWriter(
                self._temporary, self.kind.schema, compression=compression, write_statistics=statistics
            )
        except BaseException as error:
            self._atomic.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def write_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows. Raises :class:`ArtifactError` if a row lacks a column, has one too many, or repeats a key."""
        for row in rows:
            if row.keys() != set(self.kind.schema.names):
                wrong = sorted(set(row) ^ set(self.kind.schema.names))
                raise ArtifactError(f"{self.path}: a {self.kind.name} row does not fit the schema: columns {wrong}")
            self._waiting.append(dict(row))
            if len(self._waiting) >= self.kind.row_group_size:
                self._flush()

    def write_table(self, table: pa.Table) -> None:
        """Add a table with the kind's columns (in any order)."""
        for batch in table.select(self.kind.schema.names).to_batches():
            self.write_rows(batch.to_pylist())

    def _flush(self) -> None:
        if not self._waiting:
            return
        try:
            batch = pa.Table.from_pylist(self._waiting, schema=self.kind.schema)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ArtifactError(f"{self.path}: a {self.kind.name} row does not fit the schema: {error}") from error
        if self.kind.key:
            for row in self._waiting:
                key = tuple(row[name] for name in self.kind.key)
                if key in self._keys:
                    raise ArtifactError(f"{self.path}: two rows with the same {', '.join(self.kind.key)}: {key}")
                self._keys.add(key)
        self._digest.update(batch)
        self._parquet.write_table(batch, row_group_size=self.kind.row_group_size)
        self._rows_out += len(self._waiting)
        self._waiting = []

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None:
                self._flush()
                footer = {
                    "kind": self.kind.name,
                    "schema_version": self.kind.version,
                    "content_digest": self._digest.hexdigest(),
                    "created": now(),
                    "rows_in": self.rows_in,
                    "rows_out": self._rows_out,
                    "dropped": self.dropped,
                    "quarantine": str(self.quarantine) if self.quarantine is not None else None,
                    **self.provenance.as_dict(),
                }
                self._parquet.add_key_value_metadata({FOOTER_KEY.decode(): orjson.dumps(footer).decode()})
            self._parquet.close()
        except BaseException as problem:
            self._atomic.__exit__(type(problem), problem, problem.__traceback__)
            raise
        self._atomic.__exit__(kind, error, trace)


def write(
    path: Path,
    kind: Kind,
    rows: Iterable[Mapping[str, Any]] | pa.Table,
    provenance: Provenance,
    rows_in: int | None = None,
    dropped: Mapping[str, int] | None = None,
    quarantine: Path | None = None,
) -> None:
    """Write a whole artifact at once; see :class:`ArtifactWriter`."""
    with ArtifactWriter(path, kind, provenance, rows_in, quarantine) as writer:
        writer.dropped = dict(dropped or {})
        if isinstance(rows, pa.Table):
            writer.write_table(rows)
        else:
            writer.write_rows(rows)


def read_footer(path: Path) -> dict[str, Any]:
    """The provenance footer of an artifact. Raises :class:`ArtifactError` where there is none."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except FileNotFoundError:
        raise ArtifactError(f"{path}: missing", "run the step that makes it, or correct the path") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtifactError(f"{path}: not a readable Parquet file: {error}") from error
    if FOOTER_KEY not in metadata:
        raise ArtifactError(f"{path}: no radtune footer", "it was not written by radtune, or was rewritten by another program")
    footer: dict[str, Any] = orjson.loads(metadata[FOOTER_KEY])
    return footer


def check_kind(path: Path, kind: Kind) -> dict[str, Any]:
    """Check that ``path`` holds an artifact of ``kind`` with exactly its schema; return the footer.

    Raises :class:`ArtifactError` that says what differs.
    """
    footer = read_footer(path)
    if footer["kind"] != kind.name:
        raise ArtifactError(f"{path}: holds {footer['kind']}, expected {kind.name}", "pass the right file to this step")
    schema = pq.read_schema(path).remove_metadata()
    if footer["schema_version"] != kind.version or not schema.equals(kind.schema):
        differences = [
            f"{name}: {schema.field(name).type if name in schema.names else 'absent'} here, "
            f"{kind.schema.field(name).type if name in kind.schema.names else 'absent'} expected"
            for name in sorted(set(schema.names) | set(kind.schema.names))
            if name not in schema.names
            or name not in kind.schema.names
            or schema.field(name).type != kind.schema.field(name).type
        ]
        raise ArtifactError(
            f"{path}: {kind.name} of schema version {footer['schema_version']}, expected {kind.version}; "
            + ("; ".join(differences) or "same columns"),
            "make the artifact again with this version of radtune",
        )
    return footer


def read(path: Path, kind: Kind, columns: Sequence[str] | None = None) -> pa.Table:
    """Read an artifact of ``kind`` (or only ``columns`` of it). Raises :class:`ArtifactError` if it is not one."""
    check_kind(path, kind)
    return pq.read_table(path, columns=list(columns) if columns else None).replace_schema_metadata(None)


def read_rows(path: Path, kind: Kind, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """:func:`read`, as a list of plain rows."""
    rows: list[dict[str, Any]] = read(path, kind, columns).to_pylist()
    return rows


def read_batches(path: Path, kind: Kind, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Read an artifact one row group at a time: memory does not grow with the file."""
    check_kind(path, kind)
    # Buffered ahead (pyarrow's default), all row groups would be read before the first is given out, and stay.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        yield from file.iter_batches(batch_size=kind.row_group_size, columns=list(columns) if columns else None)


def content_digest(path: Path, kind: Kind) -> str:
    """The digest of what ``path`` holds now, computed from its rows."""
    digest = ContentDigest(kind)
    for batch in read_batches(path, kind):
        digest.update(batch)
    return digest.hexdigest()


def count_by(table: pa.Table, column: str) -> dict[str, int]:
    """How often each value of ``column`` occurs, sorted by value: the usual ``dropped`` of a quarantine table."""
    counts = pc.value_counts(table.column(column).combine_chunks())
    return dict(sorted((pair["values"], pair["counts"]) for pair in counts.to_pylist()))
