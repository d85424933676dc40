"""What a kind of artifact is: a name, a schema, and which columns say nothing about the result."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

IMAGE_TYPE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
"""Layout of an encoded image in the Hugging Face ``Image`` feature, so that ``datasets``, pandas, DuckDB and polars read it."""


@dataclass(frozen=True)
class Kind:
    """A declared kind of artifact. Each has its own module in ``radtune.artifacts.kinds``, so that a change of one
    schema changes the code digest of only those steps that use it."""

    name: str
    """Name written to the footer, equal to the module's name in ``radtune.artifacts.kinds``."""
    version: int
    """Raised when the meaning of a column changes."""
    schema: pa.Schema
    """Exact columns and types."""
    key: tuple[str, ...] = ()
    """Columns that together identify a row; no two rows may agree in them."""
    volatile: frozenset[str] = field(default_factory=frozenset)
    """Columns that differ between two runs with the same result (seconds, memory); left out of the content digest."""
    row_group_size: int = 65_536
    """Rows a row group holds: 16 to 64 where rows hold images, so that a shuffled reader fetches little."""

    def __post_init__(self) -> None:
        unknown = (set(self.key) | self.volatile) - set(self.schema.names)
        if unknown:
            raise ValueError(f"kind {self.name}: no such column: {sorted(unknown)}")
