"""Fetch a data set into its folder: downloaded, proved, unpacked, and with a receipt written last."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import httpx
from filelock import FileLock
from pydantic import ValidationError

from radtune.addresses import filled, shown, source_id, source_name
from radtune.artifacts.digests import file_digest
from radtune.artifacts.io import atomic_path
from radtune.artifacts.provenance import now
from radtune.config.datasets import SourceSettings
from radtune.datasets.download import Patience, RemoteFile, download, new_client, partial
from radtune.datasets.hub_release import download_from_hub, hub_release
from radtune.datasets.receipt import Part, Receipt, StoredFile, fault, read_receipt, write_receipt
from radtune.datasets.release import ZENODO, Release, addressed_release, kind_of, zenodo_release
from radtune.datasets.status import WORK, folder_state, is_fetched, what_to_do
from radtune.datasets.unpack import archive_stem, unpack
from radtune.errors import ConfigError, DownloadError
from radtune.network import offline
from radtune.progress import progress_bar

RESERVE_BYTES = 1 << 30
"""Disk space that a fetch leaves free."""


def fetch(
    source: SourceSettings,
    *,
    patience: Patience | None = None,
    checksums: bool = False,
    zenodo_api: str = ZENODO,
    hub: str | None = None,
) -> Receipt:
    """Bring what ``source.download`` names into ``source.folder``, and return the receipt that lies there then.

    A file appears in the folder when it is proved; archives are unpacked into a folder called as they are, and not kept. What
    was interrupted goes on; what is whole is left alone; of a damaged data set only the damaged parts are fetched again
    (``checksums`` reads every file to find them, else sizes are compared). Processes that fetch into one folder wait for each
    other.

    Raises :class:`ConfigError` if there is no folder or ``download``, and :class:`DownloadError` if the folder was filled by hand
    or with another download, the network is forbidden, the disk is too small, or a file cannot be had as its source states it.
    """
    if source.download is None or source.folder is None:
        raise ConfigError("no download and folder are set for this data set", "set both, or put the data there by hand")
    kind_of(source.download)  # a wrong spelling is told before anything else
    folder = Path(source.folder)
    if not is_fetched(source) and not folder_state(source).there:
        raise ConfigError(f"{folder}: {what_to_do(source, folder_state(source))}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock")):
        before = folder_state(source, checksums=checksums)
        if before.state == "by hand":
            raise DownloadError(f"{folder}: {before.detail}; it is left alone", "name another folder, or set download to null")
        if before.state == "other":
            raise DownloadError(f"{folder}: {before.detail}", "name another folder, or move this one away")
        receipt = read_receipt(folder)
        if receipt is not None and before.state == "whole":
            return receipt
        if variable := offline():
            lacking = ", ".join(list(before.faults)[:5]) or before.detail
            raise DownloadError(
                f"{folder}: not whole ({lacking}), and {variable} forbids the network", "fetch it where there is one"
            )
        return _Fetch(folder, source, receipt, before.faults, patience or Patience()).run(zenodo_api, hub)


class _Fetch:
    """One fetch into one folder, which is locked."""

    def __init__(
        self, folder: Path, source: SourceSettings, receipt: Receipt | None, wrong: Mapping[str, str], patience: Patience
    ) -> None:
        self.folder, self.work, self.patience = folder, folder / WORK, patience
        self.source, self.download = source, source.download or ""
        self.kind = kind_of(self.download)
        self.mirrors = tuple(map(filled, source.mirrors))
        self.stop = threading.Event()
        self.ours = {file.path for part in receipt.parts for file in part.files} if receipt else set[str]()
        """Files of the receipt: they may be replaced. Others that are in the way are the user's."""
        self.whole = {
            part.name: part for part in (receipt.parts if receipt else ()) if not any(file.path in wrong for file in part.files)
        }
        """Parts that need not be fetched, by name."""

    def run(self, zenodo_api: str, hub: str | None) -> Receipt:
        hubs = (hub, *self.mirrors)
        self.work.mkdir(parents=True, exist_ok=True)
        self._check_origin()
        self._resume()
        with new_client(self.patience) as client:
            release = self._release(client, zenodo_api, hubs)
            wanted = [file for file in release.files if not self._is_whole(file)]
            self._check_disk(wanted)
            if self.kind == "hub":
                at_once = self.patience.files_at_once
                download_from_hub(self.download, wanted, self.work / "files", hubs, files_at_once=at_once)
            self._fetch_parts(client, wanted)
        parts = tuple(self.whole[file.name] for file in release.files)
        receipt = Receipt(source=source_id(self.download), licence=release.licence, date=now(), parts=parts)
        write_receipt(self.folder, receipt)
        shutil.rmtree(self.work)
        return receipt

    def _check_origin(self) -> None:
        """Parts of two downloads are never mixed."""
        origin = self.work / "source.txt"
        if origin.exists() and (before := origin.read_text(encoding="utf-8")) != source_id(self.download):
            raise DownloadError(
                f"{self.folder}: an interrupted fetch of {source_name(before)} lies there",
                f"name another folder, or delete {self.work} and what was fetched",
            )
        origin.write_text(source_id(self.download), encoding="utf-8")

    def _release(self, client: httpx.Client, zenodo_api: str, hubs: Sequence[str | None]) -> Release:
        if self.kind == "zenodo":
            return zenodo_release(client, self.download, self.mirrors, self.patience, api=zenodo_api, stop=self.stop)
        return hub_release(self.download, hubs) if self.kind == "hub" else addressed_release(filled(self.download), self.mirrors)

    def _is_whole(self, file: RemoteFile) -> bool:
        return file.name in self.whole and self.whole[file.name].checksum == file.checksum

    def _check_disk(self, files: Iterable[RemoteFile]) -> None:
        """Room for what is still to come; what archives of images hold takes about as much again."""
        wanted = 0
        for file in files:
            part = partial(self.work / "files" / file.name)
            wanted += (file.size or 0) * (2 if archive_stem(file.name) else 1) - (part.stat().st_size if part.exists() else 0)
        free = self._room()
        if wanted > free:
            raise DownloadError(
                f"{self.folder}: about {wanted / 1e9:.1f} GB are wanted, and {max(free, 0) / 1e9:.1f} GB may be used",
                "free disk space, or name a folder on another disk",
            )

    def _room(self) -> int:
        """Bytes that may be written."""
        return shutil.disk_usage(self.folder).free - RESERVE_BYTES

    def _fetch_parts(self, client: httpx.Client, files: list[RemoteFile]) -> None:
        sizes = [file.size for file in files]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        room, lock = self._room(), threading.Lock()

        def fetch_part(file: RemoteFile, advance: Callable[[int], object]) -> Part:
            staged = self.work / "files" / file.name
            try:
                if not staged.exists():
                    download(client, file, staged, self.patience, most_bytes=room, advance=advance, stop=self.stop)
                return self._store(file, staged)
            except OSError as error:
                raise DownloadError(
                    f"{self.folder}: cannot be written: {error}", "free disk space or correct the permissions"
                ) from error

        problems: list[DownloadError] = []
        with progress_bar(f"fetching {self.folder.name}", total, "B", shown=self.kind != "hub", scaled=True) as bar:

            def advance(received: int) -> None:
                with lock:
                    bar.update(received)

            for file in files:
                part = partial(self.work / "files" / file.name)
                advance(part.stat().st_size if part.exists() else 0)
            with ThreadPoolExecutor(self.patience.files_at_once) as pool:
                try:
                    for future in as_completed([pool.submit(fetch_part, file, advance) for file in files]):
                        try:
                            part_of_set = future.result()
                            self.whole[part_of_set.name] = part_of_set
                        except DownloadError as error:  # the others are wanted all the same
                            problems.append(error)
                except BaseException:
                    self.stop.set()
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        if problems:
            raise DownloadError("\n".join(error.problem for error in problems), problems[0].fix) from problems[0]

    def _store(self, file: RemoteFile, staged: Path) -> Part:
        """Unpack a proved file where it is an archive, and move what came of it into the folder."""
        stem = archive_stem(file.name)
        size, left_out = staged.stat().st_size, 0
        stored: tuple[StoredFile, ...]
        if stem is None:
            stored = (StoredFile(path=file.name, size=size, sha256=file_digest(staged)),)
            root = self.work / "files"
        else:
            root = self.work / "unpacked"
            shutil.rmtree(root / stem, ignore_errors=True)
            unpacked = unpack(staged, root / stem, most_bytes=self._room())
            stored = tuple(found.model_copy(update={"path": f"{stem}/{found.path}"}) for found in unpacked.files)
            left_out = unpacked.left_out
        part = Part(
            name=file.name, address=shown(file.addresses[0]), size=size, checksum=file.checksum, files=stored, left_out=left_out
        )
        with atomic_path(self._record(file.name)) as path:
            path.write_text(part.model_dump_json(), encoding="utf-8")
        self._place(part, root)
        if stem is not None:
            staged.unlink()
        return part

    def _record(self, name: str) -> Path:
        return self.work / "records" / f"{name}.json"

    def _place(self, part: Part, root: Path) -> None:
        """Move the files of a part from ``root`` into the folder; those that are there already stay. Nothing of the user's is
        overwritten."""
        for file in part.files:
            target = self.folder / file.path
            if target.exists() and not fault(self.folder, file, checksums=True):
                continue
            if target.exists() and file.path not in self.ours:
                raise DownloadError(f"{target}: is there already, and differs from what {part.name} holds", "move it away")
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(root / file.path, target)

    def _resume(self) -> None:
        """Take over the parts that an interrupted fetch had proved."""
        records = self.work / "records"
        for path in sorted(records.rglob("*.json")) if records.is_dir() else ():
            try:
                part = Part.model_validate_json(path.read_bytes())
                self._place(part, self.work / ("files" if archive_stem(part.name) is None else "unpacked"))
                self.whole[part.name] = part
            except (ValidationError, FileNotFoundError):  # neither here nor there: it is fetched again
                path.unlink()
