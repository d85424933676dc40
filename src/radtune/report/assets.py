"""Files that a page shows, named by their content, so that a page and its files can never belong to different builds."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from radtune.artifacts.io import atomic_path

FOLDER = "assets"
_OWN = re.compile(r"[a-z_]+\.[0-9a-f]{16}\.[a-z]+")


class Assets:
    """The folder ``assets`` beside a page.

    Every file is written whole under a new name before the page that shows it; :meth:`prune` then removes what only older
    pages showed. A reader thus finds either the old page with its files or the new page with its own.
    """

    def __init__(self, page: Path) -> None:
        self._folder = page.parent / FOLDER
        self._used: set[str] = set()

    def add(self, name: str, suffix: str, content: bytes) -> str:
        """Write one file and return its address relative to the page. ``name`` consists of lower-case letters and ``_``."""
        file_name = f"{name}.{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"
        if not _OWN.fullmatch(file_name):
            raise ValueError(f"{file_name}: not the name of an asset")
        self._used.add(file_name)
        path = self._folder / file_name
        if not path.is_file():
            with atomic_path(path) as temporary:
                temporary.write_bytes(content)
        return f"{FOLDER}/{file_name}"

    def prune(self) -> None:
        """Remove assets of earlier builds; files of other names are left alone."""
        for path in self._folder.glob("*"):
            if _OWN.fullmatch(path.name) and path.name not in self._used:
                path.unlink()
