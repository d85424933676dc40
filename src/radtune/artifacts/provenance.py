"""Provenance: what an artifact's footer says about how it was made."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from radtune.artifacts.code_digest import code_digest
from radtune.artifacts.digests import environment_digest, file_digest, path_digest
from radtune.errors import ArtifactError

if TYPE_CHECKING:
    from radtune.config.base import Settings

FOOTER_KEY = b"radtune"


@dataclass(frozen=True)
class InputRecord:
    """One file, or folder of many small ones, that a step read."""

    path: str
    """As the step was given it: relative to the working directory of the run."""
    digest: str
    """Content digest of a radtune artifact, :func:`radtune.artifacts.digests.path_digest` of anything else."""
    kind: str | None
    """Kind of artifact, None for any other file."""


@dataclass(frozen=True)
class Provenance:
    """Everything about an artifact that its rows do not say."""

    step: str
    """Module that made it, such as ``radtune.images.standardise``."""
    settings: Mapping[str, Any]
    """The config block it was made with."""
    seed: int
    inputs: Mapping[str, InputRecord]
    """By the name the step gives each input."""
    modules: tuple[str, ...]
    """The step's module and those it loaded by name."""
    code: str
    """Digest of the code that these use (:mod:`radtune.artifacts.code_digest`)."""
    environment: str
    """Digest of interpreter and installed packages."""
    products: Mapping[str, str] = field(default_factory=dict)
    """Files made beside this artifact (weights, pages): name to SHA-256."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Small facts about the run that belong to no row (temperature, model digest, matched modules)."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def record_input(path: Path) -> InputRecord:
    """Digest of one input. An artifact's own recorded digest is taken; any other file is read through, and so is a folder."""
    if not path.exists():
        raise ArtifactError(f"{path}: missing", "run the step that makes it, or correct the path")
    if path.suffix == ".parquet":
        footer = pq.read_metadata(path).metadata or {}
        if FOOTER_KEY in footer:
            import orjson

            recorded = orjson.loads(footer[FOOTER_KEY])
            return InputRecord(str(path), recorded["content_digest"], recorded["kind"])
    return InputRecord(str(path), path_digest(path), None)


def provenance(
    step: str,
    settings: Settings,
    seed: int,
    inputs: Mapping[str, Path | list[Path]],
    products: Mapping[str, Path] | None = None,
    notes: Mapping[str, Any] | None = None,
    loaded: Sequence[str] = (),
) -> Provenance:
    """Collect the provenance of what ``step`` (its module's ``__name__``) is about to write.

    A list of paths under one name is recorded as ``name[0]``, ``name[1]`` and so on. ``products`` must already be written.
    ``loaded`` names modules that the step loads by name at run time, such as a model's family.
    """
    flat: dict[str, Path] = {}
    for name, value in inputs.items():
        if isinstance(value, Path):
            flat[name] = value
        else:
            flat.update({f"{name}[{index}]": path for index, path in enumerate(value)})
    return Provenance(
        step=step,
        settings=settings.model_dump(mode="json"),
        seed=seed,
        inputs={name: record_input(path) for name, path in flat.items()},
        modules=(step, *loaded),
        code=code_digest(step, *loaded),
        environment=environment_digest(),
        products={str(path): file_digest(path) for path in (products or {}).values()},
        notes=dict(notes or {}),
    )


def now() -> str:
    """The time, UTC, to the second; in the footer only, never in a row."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
