"""Collect what a run left: which artifacts exist, in the order in which data flowed, and which systems they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from radtune.artifacts import io
from radtune.artifacts.kind import Kind
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.system_scores import SYSTEM_SCORES
from radtune.artifacts.layout import BASELINE, Layout
from radtune.errors import DataError

ROOMS = ("datasets", "images", "modality", "questions", "mixes", "training", "inference", "metrics", "benchmark")
"""Folders of a run in the order in which data flows through them."""

FLOW = ("sample", "captions", "images", "labels", "training_log", "predictions", "replies", "pairs", "known")
"""Beginnings of file names in the order in which the steps of one room follow each other; other names come after, sorted."""


@dataclass(frozen=True)
class Artifact:
    """One Parquet file of the run."""

    path: Path
    name: str
    """Path below the run's folder, with forward slashes."""
    footer: dict[str, Any]
    """Provenance footer (:class:`radtune.artifacts.provenance.Provenance` and what the writer added)."""

    @property
    def settings(self) -> dict[str, Any]:
        """The config block it was made with."""
        settings: dict[str, Any] = self.footer["settings"]
        return settings


@dataclass(frozen=True)
class Run:
    """One run as its folder shows it."""

    layout: Layout
    artifacts: dict[str, Artifact]
    """By name, in the order of the flow."""
    systems: tuple[str, ...]
    """Systems of the benchmark, pretrained ones first, the baseline last."""

    @property
    def name(self) -> str:
        """Name of the run: its folder's."""
        return self.layout.run.resolve().name

    def artifact(self, path: Path) -> Artifact | None:
        """The artifact at ``path``, None where the run has none there."""
        return self.artifacts.get(path.relative_to(self.layout.run).as_posix())

    def table(self, path: Path, kind: Kind, columns: Sequence[str] | None = None) -> pa.Table | None:
        """The artifact at ``path`` as a table, None where the run has none there.

        Raises ``ArtifactError`` if it is of another kind or schema.
        """
        return io.read(path, kind, columns) if self.artifact(path) else None

    def rows(self, path: Path, kind: Kind, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The artifact at ``path`` as plain rows; empty where the run has none there."""
        return io.read_rows(path, kind, columns) if self.artifact(path) else []

    @property
    def further(self) -> list[str]:
        """Names of the further data sets."""
        return sorted({name.split("/")[1] for name in self.artifacts if name.count("/") == 2 and name.startswith("datasets/")})

    @property
    def caption_tables(self) -> list[Path]:
        """Captions of the first data set and of the further ones."""
        paths = [self.layout.captions, *(self.layout.further(name).captions for name in self.further)]
        return [path for path in paths if self.artifact(path)]

    def restricted_items(self, captions: Path) -> frozenset[str]:
        """Restricted items of one data set."""
        table = io.read(captions, CAPTIONS, ["item_id", "restricted"])
        return frozenset(table.filter(table.column("restricted")).column("item_id").to_pylist())

    @cached_property
    def restricted(self) -> frozenset[str]:
        """Items that the report must not show: neither image nor text nor their very ids."""
        return frozenset().union(*map(self.restricted_items, self.caption_tables))

    def arms(self, system: str) -> list[str]:
        """Arms in which ``system`` wrote predictions: ``plain`` first."""
        found = {path.stem for path in (self.layout.run / "inference" / system).glob("*.parquet")}
        return sorted(found, key=lambda arm: (arm != "plain", arm))

    @property
    def mixes(self) -> list[str]:
        """Names of the mixes."""
        names = {path.stem for path in (self.layout.run / "mixes").glob("*.parquet")}
        return sorted(name for name in names if not (name.endswith("_quarantine") and name.removesuffix("_quarantine") in names))

    @property
    def trained(self) -> list[str]:
        """Systems that have a training log."""
        return [system for system in self.systems if self.artifact(self.layout.training_log(system))]

    @property
    def image_shards(self) -> list[Path]:
        """Shards of the newest sharding: a change of the number of shards leaves the older files behind."""
        by_total: dict[str, list[Artifact]] = {}
        for name, artifact in self.artifacts.items():
            if name.startswith("images/images-"):
                by_total.setdefault(name.rsplit("-", 1)[1], []).append(artifact)
        newest = max(by_total.values(), key=lambda shards: max(shard.footer["created"] for shard in shards), default=[])
        return sorted(shard.path for shard in newest)

    def is_pretrained(self, system: str) -> bool:
        """Whether ``system`` began from published weights: none of its recorded sources is a random ``tiny:`` build."""
        log = self.artifact(self.layout.training_log(system))
        sources = log.settings.get("build", {}).get("sources", {}) if log else {}
        return bool(sources) and not any(str(source).startswith("tiny:") for source in sources.values())


def read_run(folder: Path) -> Run:
    """Read the footers below ``folder``. Rows are read later, by the sections that show them.

    Raises ``DataError`` if the folder holds no artifact, ``ArtifactError`` if a Parquet file is not a readable artifact.
    """
    layout = Layout(folder)
    paths = [path for room in ROOMS for path in sorted((folder / room).rglob("*.parquet"), key=lambda p: _place(folder, p))]
    paths = [path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    artifacts = {}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        artifacts[name] = Artifact(path, name, io.read_footer(path))
    if not artifacts:
        raise DataError(f"{folder}: no artifact of a run here", "pass the folder of a run, such as results/sample")
    unsorted = Run(layout, artifacts, _systems(layout))
    systems = sorted(unsorted.systems, key=lambda name: (name == BASELINE, not unsorted.is_pretrained(name), name))
    return Run(layout, artifacts, tuple(systems))


def _place(folder: Path, path: Path) -> tuple[str, int, str]:
    """Sort key inside a room: sub-folder, place in the flow, name. A quarantine follows what it was split from: ``~`` sorts
    after every character of a name."""
    stem = path.stem.replace("quarantine-", "images-").replace("_quarantine", "~")
    rank = next((index for index, start in enumerate(FLOW) if stem.startswith(start)), len(FLOW))
    return path.parent.relative_to(folder).as_posix(), rank, f"{stem} {path.name}"


def _systems(layout: Layout) -> tuple[str, ...]:
    """The benchmark's systems; before there is a benchmark, those with a folder (a folder may outlive its model's config)."""
    if layout.system_scores.is_file():
        return tuple(sorted(set(io.read(layout.system_scores, SYSTEM_SCORES, ["system"]).column("system").to_pylist())))
    found = {
        path.name for room in ("training", "inference", "metrics") for path in (layout.run / room).glob("*") if path.is_dir()
    }
    return tuple(sorted(found))
