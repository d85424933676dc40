"""The receipt of a fetched data set: what it is made of, so that "is it whole?" can be answered at once."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from radtune.artifacts.digests import file_digest
from radtune.artifacts.io import atomic_path
from radtune.config.base import Settings
from radtune.errors import DataError

RECEIPT = "receipt.json"
"""Name of the receipt in the folder of a data set."""


class StoredFile(Settings):
    """One file of a data set."""

    path: str
    """Relative to the folder, with ``/``."""
    size: int
    """Bytes."""
    sha256: str


class Part(Settings):
    """What came of one downloaded file: the file itself, or the files of an archive."""

    name: str
    """As the source calls it."""
    address: str
    """Where it was to be had, without secrets."""
    size: int
    """Bytes of the download."""
    checksum: str
    """As the source states it: ``md5:…``, ``sha256:…`` or nothing."""
    files: tuple[StoredFile, ...]
    left_out: int = 0
    """Members of an archive that are no data (resource forks of macOS)."""


class Receipt(Settings):
    """Everything that was fetched into a folder."""

    source: str
    """The setting ``download``, without secrets (:func:`radtune.addresses.source_id`)."""
    licence: str
    """As the source states it; empty where it states none."""
    date: str
    """When the last file was proved, ISO 8601."""
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for part in self.parts for file in part.files)


def read_receipt(folder: Path) -> Receipt | None:
    """The receipt in ``folder``; None where there is none. Raises :class:`DataError` if it cannot be understood."""
    path = folder / RECEIPT
    try:
        return Receipt.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise DataError(f"{path}: not a receipt of a download: {error}", "delete it, if the data set is whole") from error


def write_receipt(folder: Path, receipt: Receipt) -> None:
    """Write the receipt, whole or not at all."""
    with atomic_path(folder / RECEIPT) as path:
        path.write_text(receipt.model_dump_json(indent=1) + "\n", encoding="utf-8")


def fault(folder: Path, file: StoredFile, *, checksums: bool = False) -> str | None:
    """What is wrong with a file of the receipt, in a few words; None if nothing. ``checksums`` reads its bytes as well."""
    path = folder / file.path
    try:
        size = path.stat().st_size
    except OSError:
        return "missing"
    if size != file.size:
        return f"{size} bytes instead of {file.size}"
    if checksums and file_digest(path) != file.sha256:
        return "altered: its sha256 is another"
    return None


def faults(folder: Path, receipt: Receipt, *, checksums: bool = False) -> dict[str, str]:
    """What is wrong with each file that is not as the receipt says, by path."""
    found = ((file.path, fault(folder, file, checksums=checksums)) for part in receipt.parts for file in part.files)
    return {path: problem for path, problem in found if problem}
