"""Unpack archives of strangers: nothing outside the target, no links, no devices, no bombs, whole or not at all."""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from radtune.artifacts.digests import BLOCK_BYTES
from radtune.datasets.receipt import StoredFile
from radtune.errors import DownloadError

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
"""Endings of archives; a single compressed file (``.csv.gz``) stays as it is."""
MOST_TIMES_LARGER = 100
"""An archive that unpacks to more than this many times its size is refused. Reports in XML reach about 10, the
limit of deflate is 1,032."""
ALWAYS_ALLOWED_BYTES = 64 << 20
"""Small archives of text may exceed the ratio up to this size."""
MACOS_FOLDER = "__MACOSX"
"""Resource forks that macOS adds to zip files: no part of a data set, left out and counted."""


@dataclass
class Unpacked:
    """What came of an archive."""

    files: list[StoredFile] = field(default_factory=list)
    """Paths are relative to the folder that was made."""
    left_out: int = 0
    """Members of :data:`MACOS_FOLDER`."""


def archive_stem(name: str) -> str | None:
    """``name`` without its archive suffix; None if it is no archive."""
    suffix = max((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), key=len, default="")
    return name[: -len(suffix)] if suffix and len(name) > len(suffix) else None


def safe_parts(name: str) -> tuple[str, ...]:
    """Parts of a relative path that stays inside on every system. Raises ``ValueError`` for any other."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or (len(name) > 1 and name[1] == ":"):
        raise ValueError(f"{name!r} leads out of the folder, or would on another system")
    return parts


def unpack(
    archive: Path, target: Path, *, most_bytes: int, most_times_larger: int = MOST_TIMES_LARGER, inner: bool = True
) -> Unpacked:
    """Unpack ``archive`` (zip, or tar with any compression) into the new folder ``target``.

    If the only entry at the top is a folder called as ``target``, its contents become those of ``target``. Files and folders get
    the permissions of the process; of members only name and content are taken. Archives in the archive are unpacked in the same
    way beside themselves (``inner``; VQA-Med 2019 has its test images so), but none inside those.

    Raises :class:`DownloadError` if ``target`` exists, and, leaving nothing behind, if the archive is damaged or encrypted,
    a member leads outside, is a link or a device, two names differ in case only, or its content exceeds ``most_bytes`` or
    ``most_times_larger`` times the size of the archive.
    """
    if target.exists():
        raise DownloadError(f"{target}: is there already, so {archive.name} is not unpacked", "move it away, and run again")
    allowed = min(most_bytes, max(ALWAYS_ALLOWED_BYTES, most_times_larger * archive.stat().st_size))
    temporary = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)  # left behind by a process that was ended
    temporary.mkdir(parents=True)
    try:
        result = _write_members(archive, temporary, allowed)
        if inner:
            _unpack_inner(temporary, result, allowed, most_times_larger)
        _place(temporary, target, result)
    except (ValueError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError) as error:
        raise DownloadError(f"{archive.name}: not unpacked: {error}", "fetch it again; if it stays so, do not use it") from error
    except OSError as error:
        raise DownloadError(
            f"{archive.name}: cannot be unpacked below {target.parent}: {error}", "free disk space or correct the permissions"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return result


def _place(temporary: Path, target: Path, result: Unpacked) -> None:
    """Give the unpacked folder its final name, without a second level of the same name."""
    inner = temporary / target.name
    if [entry.name for entry in temporary.iterdir()] == [target.name] and inner.is_dir():
        os.rename(inner, target)
        prefix = f"{target.name}/"
        result.files = [file.model_copy(update={"path": file.path.removeprefix(prefix)}) for file in result.files]
    else:
        os.rename(temporary, target)


def _unpack_inner(folder: Path, result: Unpacked, allowed: int, most_times_larger: int) -> None:
    """Replace archives among the files by their contents, unless a folder of that name is there already."""
    for file in list(result.files):
        stem = archive_stem(file.path)
        if stem is None or (folder / stem).exists():
            continue
        room = allowed - sum(known.size for known in result.files)
        unpacked = unpack(folder / file.path, folder / stem, most_bytes=room, most_times_larger=most_times_larger, inner=False)
        (folder / file.path).unlink()
        result.files.remove(file)
        result.files += [found.model_copy(update={"path": f"{stem}/{found.path}"}) for found in unpacked.files]
        result.left_out += unpacked.left_out


def _write_members(archive: Path, folder: Path, allowed: int) -> Unpacked:
    result = Unpacked()
    spellings: dict[str, str] = {}
    members = _zip_members(archive, allowed) if archive.suffix.lower() == ".zip" else _tar_members(archive)
    for name, member in members:
        parts = safe_parts(name)
        if parts[0] == MACOS_FOLDER:
            result.left_out += member is not None
            continue
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            known = spellings.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
            if known != path:
                raise ValueError(f"{known!r} and {path!r} are one file on some systems")
        path_here = folder.joinpath(*parts)
        if member is None:
            path_here.mkdir(parents=True, exist_ok=True)
            continue
        path_here.parent.mkdir(parents=True, exist_ok=True)
        stored = _write(member, path_here, "/".join(parts), allowed)
        allowed -= stored.size
        result.files.append(stored)
    return result


def _write(member: IO[bytes], path: Path, name: str, allowed: int) -> StoredFile:
    """Write one file, digesting it on the way; sizes are counted, never believed."""
    digest, size = hashlib.sha256(), 0
    try:
        out = path.open("xb")
    except FileExistsError:
        raise ValueError(f"{name!r} occurs twice") from None
    with member, out:
        while block := member.read(BLOCK_BYTES):
            size += len(block)
            if size > allowed:
                raise ValueError(f"unpacks to more than is allowed: stopped in {name!r}")
            digest.update(block)
            out.write(block)
    return StoredFile(path=name, size=size, sha256=digest.hexdigest())


def _zip_members(archive: Path, allowed: int) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Name and content of each member; None for a folder. What the directory tells is checked before anything is written."""
    with zipfile.ZipFile(archive) as file:
        infos = file.infolist()
        for info in infos:
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ValueError(f"{info.filename!r} is a link or a device")
            if info.flag_bits & 1:
                raise ValueError(f"{info.filename!r} is encrypted")
            safe_parts(info.orig_filename)
        if (total := sum(info.file_size for info in infos)) > allowed:
            raise ValueError(f"would unpack to {total} bytes, more than the {allowed} allowed")
        for info in infos:
            yield info.filename, None if info.is_dir() else file.open(info)


def _tar_members(archive: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    with tarfile.open(archive) as file:
        for member in file:
            name = member.name.removeprefix("./")
            if member.isdir():
                if name not in ("", "."):
                    yield name, None
            elif member.isreg():
                content = file.extractfile(member)
                if content is not None:  # never, for a regular file
                    yield name, content
            else:
                raise ValueError(f"{member.name!r} is a link or a device")
