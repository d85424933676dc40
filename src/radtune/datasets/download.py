"""Download one file over HTTP: resumed, retried, bounded in size, and under its final name only when it is proved."""

from __future__ import annotations

import hashlib
import os
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson

from radtune.addresses import shown
from radtune.artifacts.digests import BLOCK_BYTES
from radtune.errors import DownloadError

TEMPORARY_STATUSES = {408, 425, 429}
"""Statuses below 500 after which the same request may succeed (RFC 9110, RFC 8470, RFC 6585); from 500 on all may."""
_WRONG_AT_MOST = 2
"""A file that was received whole and is wrong is fetched once more from the same address, and no more."""


@dataclass(frozen=True)
class RemoteFile:
    """A file as its source states it."""

    name: str
    """Path below the data set's folder, with ``/``."""
    addresses: tuple[str, ...]
    """Where it can be had, tried in turn."""
    size: int | None = None
    """Bytes; None where the source does not say."""
    checksum: str = ""
    """``md5:<hex>`` or ``sha256:<hex>``; empty where the source states none."""


@dataclass(frozen=True)
class Patience:
    """How long a download is tried. The defaults suit servers on the internet."""

    attempts: int = 6
    """Attempts in a row that bring nothing new, until an address is given up."""
    first_wait: float = 1.0
    """Seconds before the second attempt; each further wait is twice as long, less a random share of up to a half."""
    longest_wait: float = 300.0
    """Seconds. A server that asks for a longer wait (``Retry-After``) is given up."""
    timeout: float = 60.0
    """Seconds without a byte after which a connection counts as cut."""
    files_at_once: int = 4
    """Files downloaded at a time."""


class _TryAgainError(Exception):
    """The attempt failed in a way that may pass. ``wait`` is what the server asks for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None, *, wrong: bool = False) -> None:
        super().__init__(reason)
        self.wait, self.wrong = wait, wrong


class _GiveUpError(Exception):
    """No further attempt at this address can help."""


def new_client(patience: Patience) -> httpx.Client:
    """A client for :func:`download`, to be shared by threads. Proxies and certificates come from the environment."""
    # Compressed transfers have other lengths and ranges than the file.
    headers = {"Accept-Encoding": "identity", "User-Agent": "radtune"}
    return httpx.Client(timeout=patience.timeout, follow_redirects=True, headers=headers)


def download(
    client: httpx.Client,
    file: RemoteFile,
    target: Path,
    patience: Patience,
    *,
    most_bytes: int,
    advance: Callable[[int], object] = lambda _bytes: None,
    stop: threading.Event | None = None,
) -> None:
    """Download ``file`` to ``target``, which appears only when size and checksum are those that the source states.

    Until then what was received lies beside it as ``<target>.part``, and a later call goes on from there. ``most_bytes`` bounds a
    file whose size is not stated. ``advance`` is called with the bytes received (negative where a part is thrown away); setting
    ``stop`` ends the call with :class:`DownloadError` soon after. That is also raised, with what each address said, where none
    gives the file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    stop = stop or threading.Event()
    problems = []
    for address in file.addresses:
        transfer = _Transfer(client, file, address, target, most_bytes, advance, stop)
        try:
            _persist(transfer, patience, stop)
        except _GiveUpError as error:
            problems.append(f"{shown(address)}: {error}")
        except OSError as error:
            raise DownloadError(f"{target}: cannot be written: {error}", "free disk space or correct the permissions") from error
        else:
            return
    raise DownloadError(
        f"{file.name}: cannot be had\n" + "\n".join(f"    {problem}" for problem in problems),
        "run the same command later: what was received is kept; or add a mirror (mirrors)",
    )


def partial(target: Path) -> Path:
    """Where what was received of ``target`` lies until it is whole."""
    return target.with_name(target.name + ".part")


def _persist(transfer: _Transfer, patience: Patience, stop: threading.Event) -> None:
    """Attempt until the file is there. Attempts that bring bytes further than any before do not count."""
    attempts = furthest = idle = wrong = 0
    while True:
        attempts += 1
        try:
            transfer.attempt()
            return
        except _TryAgainError as error:
            idle = 0 if transfer.received > furthest else idle + 1
            furthest, wrong = max(furthest, transfer.received), wrong + error.wrong
            if idle >= patience.attempts or wrong >= _WRONG_AT_MOST:
                raise _GiveUpError(f"{error} (given up after {attempts} attempts)") from error
            wait = error.wait
            if wait is None:
                wait = min(patience.longest_wait, patience.first_wait * 2 ** max(0, idle - 1)) * random.uniform(0.5, 1.0)
            if wait > patience.longest_wait:
                raise _GiveUpError(f"{error}; it asks to wait {wait:.0f} s") from error
            if stop.wait(wait):
                raise _GiveUpError("stopped") from error


class _Transfer:
    """One file from one address, attempt by attempt."""

    def __init__(
        self,
        client: httpx.Client,
        file: RemoteFile,
        address: str,
        target: Path,
        most_bytes: int,
        advance: Callable[[int], object],
        stop: threading.Event,
    ) -> None:
        self.client, self.file, self.address, self.target = client, file, address, target
        self.limit = most_bytes if file.size is None else file.size
        self.advance, self.stop = advance, stop
        self.part = partial(target)
        self.state = target.with_name(target.name + ".part.json")
        self.received = 0
        """Bytes that lay on disk when the last attempt ended."""

    def attempt(self) -> None:
        """Receive what is missing, prove the whole and move it to its final name."""
        held, validator = self._resumable()
        if held and held == self.file.size:  # a process was ended between the last byte and the proof
            self._finish()
            return
        try:
            self._receive(held, validator)
        except httpx.UnsupportedProtocol as error:
            raise _GiveUpError(str(error)) from error
        except httpx.TransportError as error:
            raise _TryAgainError(f"{type(error).__name__}: {error}") from error
        except (httpx.InvalidURL, httpx.TooManyRedirects) as error:
            raise _GiveUpError(f"{type(error).__name__}: {error}") from error
        finally:
            self.received = self.part.stat().st_size if self.part.exists() else self.received
        self._finish()

    def _resumable(self) -> tuple[int, str]:
        """Bytes that may be built upon, and the validator for ``If-Range``.

        Without a checksum only a part whose server named a strong validator may be: the file may have changed since.
        """
        if not self.part.exists():
            return 0, ""
        try:
            state = orjson.loads(self.state.read_bytes())
            validator = state["validator"] if state["address"] == self.address else ""
        except (OSError, ValueError, LookupError, TypeError):
            validator = ""
        held = self.part.stat().st_size
        if held > self.limit or not (validator or self.file.checksum):
            self._forget()
            return 0, ""
        return held, validator

    def _receive(self, held: int, validator: str) -> None:
        headers = {"Range": f"bytes={held}-"} if held else {}
        if held and validator:
            headers["If-Range"] = validator
        with self.client.stream("GET", self.address, headers=headers) as response:
            self._check(response)
            if response.status_code == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {held}-"):
                self._forget()
                raise _TryAgainError(f"answers another range than asked for: {response.headers.get('Content-Range')}")
            if response.status_code != 206 and held:  # ranges are ignored, or the file has changed
                self._forget()
                held = 0
            self.state.write_bytes(orjson.dumps({"address": self.address, "validator": _validator(response)}))
            with self.part.open("ab") as out:
                for block in response.iter_raw():
                    held += len(block)
                    if held > self.limit:
                        break
                    out.write(block)
                    self.advance(len(block))
                    if self.stop.is_set():
                        raise _GiveUpError("stopped")
                out.flush()
                os.fsync(out.fileno())
        if held > self.limit:
            self._forget()
            raise _TryAgainError(f"sends more than {self.limit} bytes", wrong=True)

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if urlsplit(self.address).scheme == "https" and response.url.scheme != "https":
            raise _GiveUpError("redirects from https to http")
        if status == 416:  # the part is as long as the file or longer
            self._forget()
            raise _TryAgainError("status 416: the part that is here does not fit")
        if status in TEMPORARY_STATUSES or status >= 500:
            raise _TryAgainError(f"status {status}", _asked_wait(response.headers.get("Retry-After", "")))
        if status not in (200, 206):
            raise _GiveUpError(f"status {status}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise _GiveUpError("sends a compressed transfer although it was asked not to")

    def _finish(self) -> None:
        """Prove the part and give it its final name."""
        size = self.part.stat().st_size
        if self.file.size is not None and size < self.file.size:
            raise _TryAgainError(f"ended after {size} of {self.file.size} bytes")
        algorithm, _, stated = self.file.checksum.partition(":")
        if stated and (found := digest_of(self.part, algorithm)) != stated:
            self._forget()
            raise _TryAgainError(f"{algorithm} is {found}, the source states {stated}", wrong=True)
        os.replace(self.part, self.target)
        self.state.unlink(missing_ok=True)

    def _forget(self) -> None:
        """Throw away what was received."""
        if self.part.exists():
            self.advance(-self.part.stat().st_size)
        self.part.unlink(missing_ok=True)
        self.state.unlink(missing_ok=True)


def digest_of(path: Path, algorithm: str) -> str:
    """Digest of a file (``md5`` or ``sha256``) as hex."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _validator(response: httpx.Response) -> str:
    """What ``If-Range`` takes: a strong entity tag, else the date of change (RFC 9110, section 13.1.5)."""
    tag: str = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _asked_wait(text: str) -> float | None:
    """Seconds of a ``Retry-After`` header: a number or a date; None where it is absent or neither."""
    if text.strip().isdecimal():  # not ``isdigit``: a superscript is no number to ``float``
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None
