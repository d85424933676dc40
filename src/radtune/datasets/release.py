"""What the setting ``download`` names: the files of a Zenodo record, of a repository on the hub, or addresses."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, quote, unquote, urldefrag, urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from radtune.addresses import shown, source_name
from radtune.datasets.download import Patience, RemoteFile, download
from radtune.datasets.unpack import safe_parts
from radtune.errors import ConfigError, DownloadError
from radtune.weights.source import parse_source

ZENODO = "https://zenodo.org/api/records"
"""Where Zenodo describes its records in JSON, by number (https://developers.zenodo.org)."""
RECORD_NAME = "record.json"
"""What a mirror of a Zenodo record calls the description."""
_MOST_RECORD_BYTES = 64 << 20

Kind = Literal["zenodo", "hub", "addresses"]


@dataclass(frozen=True)
class Release:
    """What a source publishes."""

    licence: str
    """As the source states it; empty where it states none."""
    files: tuple[RemoteFile, ...]


def kind_of(text: str) -> Kind:
    """What kind of source a ``download`` names. Raises :class:`ConfigError` for an unknown spelling."""
    if re.fullmatch(r"zenodo:\d+", text):
        return "zenodo"
    if text.startswith("hub:"):
        parse_source(text)
        return "hub"
    if text.split() and all(re.match(r"https?://[^/]", word) for word in text.split()):
        return "addresses"
    raise ConfigError(
        f"download: {source_name(text)!r} is not understood",
        "write zenodo:<record>, hub:<owner>/<data set>@<commit>, or https: addresses with spaces between them",
    )


def addressed_release(text: str, mirrors: Sequence[str]) -> Release:
    """Files at addresses, each perhaps with ``#sha256=…``, ``#md5=…`` and ``#name=…``, joined by ``&``.

    Without a name, a file is called as the last part of its path. Raises :class:`ConfigError` for an address without a usable
    name, for two with one name, and for ``http:`` without a checksum, which anyone on the way could alter.
    """
    files: dict[str, RemoteFile] = {}
    for word in text.split():
        address, fragment = urldefrag(word)
        known = {key: values[0] for key, values in parse_qs(fragment).items()}
        if extra := known.keys() - {"sha256", "md5", "name"}:
            raise ConfigError(f"download: {shown(address)}: unknown {', '.join(sorted(extra))} after #")
        checksum = next((f"{algorithm}:{known[algorithm].lower()}" for algorithm in ("sha256", "md5") if algorithm in known), "")
        if address.startswith("http:") and not checksum:
            raise ConfigError(f"download: {shown(address)}: http without a checksum", "write https, or add #sha256=<hex>")
        name = known.get("name") or unquote(urlsplit(address).path.rpartition("/")[2])
        if name in files:
            raise ConfigError(f"download: two files are called {name}", "add #name=<name> to one of them")
        files[_safe_name(name, shown(address))] = RemoteFile(name, _addresses(address, name, mirrors), checksum=checksum)
    return Release("", tuple(files.values()))


class _RecordLicence(BaseModel):
    id: str = ""


class _RecordMetadata(BaseModel):
    license: _RecordLicence | None = None


class _RecordLinks(BaseModel):
    self: str


class _RecordFile(BaseModel):
    """One file of a record: the checksum is ``md5:<hex>``."""

    key: str
    size: int
    checksum: str
    links: _RecordLinks


class _Record(BaseModel):
    """The part of a Zenodo record's JSON that is used; other keys are ignored."""

    metadata: _RecordMetadata = _RecordMetadata()
    files: list[_RecordFile] = []


def zenodo_release(
    client: httpx.Client, text: str, mirrors: Sequence[str], patience: Patience, *, api: str, stop: threading.Event
) -> Release:
    """Files of a record, with the sizes and checksums that Zenodo states. Where Zenodo does not answer, a mirror's
    :data:`RECORD_NAME` does.

    Raises :class:`DownloadError` if the record cannot be had or lists no file (restricted records do not).
    """
    address = f"{api}/{text.removeprefix('zenodo:')}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, RECORD_NAME)
        listing = RemoteFile(RECORD_NAME, _addresses(address, RECORD_NAME, mirrors))
        download(client, listing, path, patience, most_bytes=_MOST_RECORD_BYTES, stop=stop)
        try:
            record = _Record.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise DownloadError(f"{text}: {shown(address)} is not the description of a record: {error}") from error
    if not record.files:
        raise DownloadError(f"{text}: the record lists no files", "a restricted record must be fetched by hand")
    files = tuple(
        RemoteFile(
            _safe_name(file.key, text), _addresses(file.links.self, file.key, mirrors), file.size, file.checksum.lower()
        )
        for file in record.files
    )  # fmt: skip
    if wrong := [file.checksum for file in files if not re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", file.checksum)]:
        raise DownloadError(f"{text}: the record states checksums of an unknown kind: {wrong[0]}")
    return Release(record.metadata.license.id if record.metadata.license else "", files)


def _addresses(first: str, name: str, mirrors: Sequence[str]) -> tuple[str, ...]:
    return (first, *(f"{mirror.rstrip('/')}/{quote(name)}" for mirror in mirrors))


def _safe_name(name: str, where: str) -> str:
    try:
        parts = safe_parts(name)
    except ValueError as error:
        raise DownloadError(f"{where}: {error}", "add #name=<name> to the address, or do not use this source") from error
    if parts[0].startswith("."):
        raise DownloadError(f"{where}: {name!r} is a hidden file", "add #name=<name> to the address")
    return name
