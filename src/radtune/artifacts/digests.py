"""Digests: of a file's bytes, of a table's content, of the code a step uses and of the environment it runs in."""

from __future__ import annotations

import hashlib
import json
import platform
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from radtune.artifacts.kind import Kind

BLOCK_BYTES = 1 << 20


def canonical_json(value: Any) -> str:
    """One spelling for one value: sorted keys, no spaces. Snakemake compares params as text, so this is what a rule gets."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def text_digest(text: str) -> str:
    """SHA-256 of a text, as hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex. Reads in blocks: memory does not grow with the file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def path_digest(path: Path) -> str:
    """:func:`file_digest` of a file; of a folder, SHA-256 over the names and digests of all files below it."""
    if not path.is_dir():
        return file_digest(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return text_digest("".join(f"{file.relative_to(path)} {file_digest(file)}\n" for file in files))


def _bytes_as_digest(value: Any) -> str:
    """Stand-in for binary cells, so that the canonical row text stays short."""
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    raise TypeError(f"cannot digest a {type(value).__name__}")


class ContentDigest:
    """SHA-256 over the rows of a table in order, without the kind's volatile columns.

    Rows enter as canonical JSON (binary cells as their own SHA-256), so the digest depends neither on row groups,
    nor on compression, nor on the version of the Parquet writer.
    """

    def __init__(self, kind: Kind) -> None:
        self._columns = [name for name in kind.schema.names if name not in kind.volatile]
        self._digest = hashlib.sha256()

    def update(self, batch: pa.Table | pa.RecordBatch) -> None:
        """Add the rows of ``batch``."""
        for row in batch.select(self._columns).to_pylist():
            self._digest.update(orjson.dumps(row, default=_bytes_as_digest, option=orjson.OPT_SERIALIZE_NUMPY))
            self._digest.update(b"\n")

    def hexdigest(self) -> str:
        """The digest so far, as hex."""
        return self._digest.hexdigest()


@lru_cache(maxsize=1)
def environment() -> dict[str, str]:
    """Name and version of every installed distribution, and the interpreter's."""
    packages = {dist.metadata["Name"].lower(): dist.version for dist in metadata.distributions() if dist.metadata["Name"]}
    packages.pop("radtune", None)  # the code digest speaks for radtune itself
    return {"python": platform.python_version(), **dict(sorted(packages.items()))}


@lru_cache(maxsize=1)
def environment_digest() -> str:
    """SHA-256 of :func:`environment`."""
    return text_digest(canonical_json(environment()))
