"""The prefetch: everything that a run loads is fetched where there is internet, before jobs run where there is none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from radtune.addresses import source_name
from radtune.artifacts.io import atomic_path
from radtune.artifacts.provenance import now
from radtune.config.datasets import SourceSettings
from radtune.config.run import RadtuneConfig
from radtune.datasets.fetch import fetch as fetch_dataset
from radtune.datasets.status import folder_state, is_fetched, sets_of, what_to_do
from radtune.errors import ArtifactError, RadtuneError
from radtune.progress import progress
from radtune.weights.source import Source, parse_source
from radtune.workflow.sources import WeightSource, fetch_source, weight_sources

RECORD = "prefetched.json"
"""Name of the record in the weight cache: what was fetched, of which revision, and when."""


@dataclass(frozen=True)
class Item:
    """One thing that a run loads, and what came of fetching it."""

    keys: tuple[str, ...]
    """The keys of the configuration that name it."""
    source: str
    """As the configuration spells it; addresses without what may hold a secret."""
    revision: str = ""
    """Commit of a hub repository, version of a package, date of a data set; empty where there is none."""
    size: int = 0
    """Bytes on the disk."""
    problem: str = ""
    """Why it is not there; empty if it is."""
    fix: str = ""
    """What to do about it."""


def fetch_everything(config: RadtuneConfig) -> list[Item]:
    """Fetch all weights, packages and data sets of ``config``, each once. What is there already is not fetched again.

    What cannot be had becomes an item with a problem, so that one refusal does not keep the rest from coming. Where a variable
    forbids the network, this is a look at what is there.
    """
    keys: dict[WeightSource, list[str]] = {}
    for one in weight_sources(config):
        if one.text != "tiny:":  # several models may start from the same weights
            keys.setdefault(replace(one, key=""), []).append(one.key)
    cache = Path(config.weights_cache)
    weights = [
        _weights(one, tuple(named), cache) for one, named in progress(keys.items(), "Fetching weights", len(keys), "source")
    ]
    return [*weights, *(_dataset(name, source) for name, source in sets_of(config).items())]


def _weights(one: WeightSource, keys: tuple[str, ...], cache: Path) -> Item:
    item = Item(keys, one.text)
    try:
        source, paths = parse_source(one.text), fetch_source(one, cache)
    except RadtuneError as error:
        return _missing(item, error)
    return replace(item, revision=_revision(source, paths), size=_size(paths))


def _dataset(name: str, source: SourceSettings) -> Item:
    item = Item((f"data set {name}",), str(source.folder))
    try:
        if is_fetched(source):
            receipt = fetch_dataset(source)
            return replace(item, source=source_name(str(source.download)), revision=receipt.date[:10], size=receipt.size)
        found = folder_state(source)
    except RadtuneError as error:
        return _missing(item, error)
    if found.there:
        return replace(item, size=found.size)
    return replace(item, problem=f"{source.folder}: {found.detail}", fix=what_to_do(source, found))


def _missing(item: Item, error: RadtuneError) -> Item:
    return replace(item, problem=error.problem, fix=error.fix or "")


def _revision(source: Source, paths: Sequence[Path]) -> str:
    """The commit of a hub repository, whose snapshots lie in a folder called as it; else the version."""
    parts = paths[0].parts
    return parts[parts.index("snapshots") + 1] if source.scheme == "hub" else source.version


def _size(paths: Iterable[Path]) -> int:
    files = {file.resolve() for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()}
    return sum(file.stat().st_size for file in files)


def write_record(items: Iterable[Item], config: RadtuneConfig) -> Path:
    """Add what is there to the record in the weight cache, which all runs share; a source's latest fetch stands.

    Raises :class:`ArtifactError` if the record that lies there cannot be understood.
    """
    path = Path(config.weights_cache) / RECORD
    try:
        entries: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    except ValueError as error:
        raise ArtifactError(f"{path}: not a record of a prefetch: {error}", "delete it; the next prefetch writes it") from error
    for item in items:
        if not item.problem:
            entries[item.source] = {"revision": item.revision, "bytes": item.size, "date": now(), "keys": list(item.keys)}
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def table(items: Sequence[Item]) -> str:
    """One line a source, then each problem with the keys it concerns, what to do about them, and the sum."""
    rows = [("", "size", "revision", "for", "source"), *map(_cells, items)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"{state:<{widths[0]}}  {size:>{widths[1]}}  {revision:<{widths[2]}}  {key:<{widths[3]}}  {source}"
        for state, size, revision, key, source in rows
    ]
    lines += [f"missing: {', '.join(item.keys)}\n  {item.problem}" for item in items if item.problem]
    lines += [f"What to do: {fix}" for fix in dict.fromkeys(item.fix for item in items if item.fix)]
    return "\n".join([*lines, f"{sum(item.size for item in items) / 1e9:.2f} GB are there"])


def _cells(item: Item) -> tuple[str, str, str, str, str]:
    more = f" and {len(item.keys) - 1} more" if len(item.keys) > 1 else ""
    size = f"{item.size / 1e6:,.1f} MB" if item.size else ""
    return "missing" if item.problem else "there", size, item.revision[:12], item.keys[0] + more, item.source
