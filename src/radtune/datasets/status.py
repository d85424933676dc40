"""How far the folder of a data set is: whole, incomplete, filled by hand, or missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from radtune.addresses import source_id, source_name
from radtune.config.datasets import SourceSettings
from radtune.config.run import RadtuneConfig
from radtune.datasets.known_sources import KNOWN_SOURCES
from radtune.datasets.receipt import RECEIPT, faults, read_receipt
from radtune.datasets.source import load_format
from radtune.errors import RadtuneError

WORK = ".fetch"
"""Folder below that of a data set in which a fetch keeps what is not whole yet; it is gone when the receipt is there."""


@dataclass(frozen=True)
class FolderState:
    """What is in the folder of a data set."""

    state: Literal["whole", "by hand", "incomplete", "missing", "other"]
    """``whole``: as its receipt says. ``by hand``: it has tables of its layout, and was not fetched. ``other``: it was fetched
    from another source than ``download`` now names."""
    detail: str
    """In a few words."""
    size: int = 0
    """Bytes of its files."""
    licence: str = ""
    """Of the data set as a whole, where it is known; rows have their own."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with each file that is not as the receipt says."""

    @property
    def there(self) -> bool:
        """Whether it can be read."""
        return self.state in ("whole", "by hand")


def folder_state(source: SourceSettings, *, checksums: bool = False) -> FolderState:
    """Look at the folder of ``source``. ``checksums`` reads every file of a fetched one; else sizes are compared.

    Raises :class:`DataError` if there is a receipt that cannot be understood.
    """
    folder = Path(source.folder or "")
    known = KNOWN_SOURCES.get(source.format)
    licence = known.licence if known else ""
    receipt = read_receipt(folder)
    if receipt is not None:
        licence, origin = receipt.licence or licence, source_name(receipt.source)
        if source.download is not None and source_id(source.download) != receipt.source:
            return FolderState("other", f"holds {origin} instead of {source_name(source.download)}", receipt.size, licence)
        wrong = faults(folder, receipt, checksums=checksums)
        files = sum(len(part.files) for part in receipt.parts)
        if not wrong:
            return FolderState("whole", f"{files} files from {origin}, {receipt.date[:10]}", receipt.size, licence)
        return FolderState("incomplete", f"{len(wrong)} of {files} files are not as fetched", receipt.size, licence, wrong)
    if (folder / WORK).is_dir():
        return FolderState("incomplete", "a fetch was interrupted; it goes on from there", _size(folder), licence)
    if tables := tables_of(source):
        detail = f"{len(tables)} tables in the layout {source.format}, filled by hand"
        return FolderState("by hand", detail, _size(folder), licence)
    watched = ", ".join(load_format(source.format).watched)
    return FolderState("missing", f"nothing in the layout {source.format} ({watched})", 0, licence)


def tables_of(source: SourceSettings) -> list[Path]:
    """Files in the folder whose change makes the workflow read the data set again, sorted."""
    folder = Path(source.folder or "")
    found = {path for pattern in load_format(source.format).watched for path in folder.glob(pattern)}
    return sorted(found - {folder / RECEIPT})


def is_fetched(source: SourceSettings) -> bool:
    """Whether the folder is filled, or is to be filled, by ``radtune datasets fetch``: there is a ``download``, and what is there
    was not put there by hand. The answer is the same before, during and after the fetch."""
    if source.download is None or source.folder is None or _of_another_layout(source):
        return False
    folder = Path(source.folder)
    return (folder / RECEIPT).exists() or (folder / WORK).is_dir() or not tables_of(source)


def _of_another_layout(source: SourceSettings) -> bool:
    """Whether ``download`` is the known source of another layout: left over from the configuration below an overlay."""
    return any(known.download == source.download for name, known in KNOWN_SOURCES.items() if name != source.format)


def sets_of(config: RadtuneConfig) -> dict[str, SourceSettings]:
    """Every data set of a run that lies in a folder, by name: none for the embedded sample."""
    first = {config.datasets.name: config.datasets} if config.datasets.folder is not None else {}
    return {**first, **config.datasets.further}


@dataclass(frozen=True)
class SetStatus:
    """One data set of one or more runs."""

    name: str
    source: SourceSettings
    runs: tuple[str, ...]
    """Names of the configurations that need it."""
    folder: FolderState


def status(configs: Mapping[str, RadtuneConfig], *, checksums: bool = False) -> list[SetStatus]:
    """Every data set of the configurations (by a name for people), each folder and layout once, in their order."""
    runs: dict[tuple[str, str | None, str], list[str]] = defaultdict(list)
    sources: dict[tuple[str, str | None, str], SourceSettings] = {}
    for label, config in configs.items():
        for name, source in sets_of(config).items():
            key = (name, source.folder, source.format)
            runs[key].append(label)
            sources.setdefault(key, source)
    return [SetStatus(key[0], source, tuple(runs[key]), _state_or_fault(source, checksums)) for key, source in sources.items()]


MOST_NAMED = 5
"""So many files that are not as fetched are named."""


def described(found: SetStatus) -> str:
    """A few lines about a data set for people."""
    source, folder = found.source, found.folder
    lines = [
        f"{found.name}: {folder.state}",
        f"  folder   {source.folder} ({source.format})",
        f"  found    {folder.detail}" + (f", {folder.size / 1e9:.2f} GB" if folder.size else ""),
        f"  licence  {folder.licence or 'not known'}",
        f"  runs     {', '.join(found.runs)}",
    ]
    named = list(folder.faults.items())[:MOST_NAMED]
    lines += [f"    {path}: {problem}" for path, problem in named]
    if len(folder.faults) > MOST_NAMED:
        lines.append(f"    and {len(folder.faults) - MOST_NAMED} more")
    if not folder.there:
        lines.append(f"  to do    {what_to_do(source, folder)}")
    return "\n".join(lines)


def what_to_do(source: SourceSettings, folder: FolderState) -> str:
    """How a data set that is not there is had."""
    if folder.state == "other":
        return "name another folder, or move this one away"
    if source.download is not None and _of_another_layout(source):
        return f"{source.download} is not in the layout {source.format}: set download to null or to its source"
    if source.download is not None:
        return f"radtune datasets fetch (from {source_name(source.download)})"
    known = KNOWN_SOURCES.get(source.format)
    if known is None:
        return "name a folder that holds it"
    return f"set download to {known.download!r}" if known.download else known.by_hand


def _state_or_fault(source: SourceSettings, checksums: bool) -> FolderState:
    try:
        return folder_state(source, checksums=checksums)
    except RadtuneError as error:  # one folder's fault hides no other's
        return FolderState("incomplete", str(error))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
