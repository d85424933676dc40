"""Copies of image shards on a disk of the node, for jobs that read them again and again from a network file system.

A copy is named after the shard's content digest, made once for all jobs of a user on the node (the others wait at its lock), and
renamed into place when it is whole. Each job compares its rows with the digest before it reads from it, so neither a half, nor an
altered, nor an outdated copy is ever used. Nothing depends on a copy: where none can be had, the shard itself is read.

Copies are not removed here: a node's epilogue does that (``$TMPDIR``), or the rule by which the site clears its scratch disks.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from filelock import FileLock

from radtune.artifacts.io import atomic_path, content_digest, read_footer
from radtune.artifacts.kinds.images import IMAGES
from radtune.errors import ArtifactError, ConfigError, RadtuneError
from radtune.private_folder import private_folder

FREE_BYTES = 1 << 30
"""Space that copies leave to others on the disk."""


def staged(shards: Sequence[Path], scratch: str | None) -> list[Path]:
    """Where to read each of ``shards``: from its copy below ``scratch`` (variables are expanded), made if there is none, or where
    it is if no copy can be had. Says on standard error which."""
    if scratch is None:
        return list(shards)
    places: list[Path] = []
    problems: list[str] = []
    for shard in shards:
        try:
            places.append(_copy_of(shard, private_folder(_expanded(scratch), "images")))
        except (RadtuneError, OSError) as error:
            problems.append(error.problem if isinstance(error, RadtuneError) else str(error))
            places.append(shard)
    _say(f"{len(shards) - len(problems)} of {len(shards)} image shards are read from copies on {scratch}")
    if problems:
        _say(f"warning: {len(problems)} are read where they are: {problems[0]}")
    return places


def _expanded(scratch: str) -> Path:
    text = os.path.expandvars(scratch)
    if "$" in text:
        raise ConfigError(f"scratch {scratch}: this job has no such variable")
    return Path(text).expanduser()


def _copy_of(shard: Path, folder: Path) -> Path:
    """A copy of ``shard`` that holds the same rows. Raises :class:`RadtuneError` or ``OSError`` if there can be none."""
    digest = read_footer(shard)["content_digest"]
    copy = folder / f"{digest}.parquet"
    if _holds(copy, digest):
        return copy
    with FileLock(f"{copy}.lock"):
        if _holds(copy, digest):  # made by the process that was waited for
            return copy
        for left in folder.glob(f".{copy.name}.*.tmp"):  # by processes that were killed: who holds the lock is alone
            left.unlink()
        size, free = shard.stat().st_size, shutil.disk_usage(folder).free
        if size + FREE_BYTES > free:
            raise ArtifactError(f"{folder}: {free:,} bytes free, too few for a copy of {size:,}")
        with atomic_path(copy) as temporary:
            shutil.copyfile(shard, temporary)
            if not _holds(temporary, digest):
                raise ArtifactError(f"{shard}: its copy does not hold the rows that its footer speaks of")
    return copy


def _holds(path: Path, digest: str) -> bool:
    """Whether ``path`` is a readable images artifact whose rows have ``digest``; about 650 MB a second."""
    if not path.exists():
        return False
    try:
        return content_digest(path, IMAGES) == digest
    except (ArtifactError, pa.ArrowException, OSError, ValueError):
        return False


def _say(text: str) -> None:
    print(f"staging: {text}", file=sys.stderr)  # noqa: T201
