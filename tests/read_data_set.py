"""Reading a data set in tests: one call, and its artifacts by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radtune.artifacts.audit import audit_run
from radtune.artifacts.io import read_footer, read_rows
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.config.datasets import SourceSettings
from radtune.datasets.read import read_dataset

Row = dict[str, Any]


@dataclass(frozen=True)
class DataSet:
    """Artifacts of one data set, below one folder."""

    folder: Path

    @property
    def captions_path(self) -> Path:
        return self.folder / "captions.parquet"

    @property
    def captions(self) -> list[Row]:
        return read_rows(self.captions_path, CAPTIONS)

    @property
    def concepts(self) -> list[Row]:
        return read_rows(self.folder / "concepts.parquet", CONCEPTS)

    @property
    def questions(self) -> list[Row]:
        return read_rows(self.folder / "questions.parquet", QUESTION_PAIRS)

    @property
    def quarantine(self) -> list[Row]:
        return read_rows(self.folder / "quarantine.parquet", QUARANTINE)

    def footer(self, name: str = "captions") -> Row:
        return read_footer(self.folder / f"{name}.parquet")


def read_into(out: Path, folder: Path, seed: int = 1, prefix: str = "", **settings: Any) -> DataSet:
    """Read ``folder`` with the given :class:`SourceSettings`; the rows of every artifact must add up."""
    paths = [out / f"{name}.parquet" for name in ("captions", "concepts", "questions", "quarantine")]
    read_dataset(folder, *paths, out / "unpacked", name="test", settings=SourceSettings(**settings), seed=seed, prefix=prefix)
    assert [finding for finding in audit_run(out).findings if finding.verdict == "sums"] == []
    return DataSet(out)
