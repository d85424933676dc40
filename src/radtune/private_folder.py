"""A folder of one's own in a place that others write to as well, such as ``/tmp`` or a node's scratch disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from radtune.errors import RadtuneError


def private_folder(place: Path, purpose: str) -> Path:
    """``<place>/radtune-<user id>/<purpose>``, made if absent, which nobody else can enter.

    The name can be guessed, so another user may have taken it: raises :class:`RadtuneError` if it is not a folder of this user's,
    and ``OSError`` if it cannot be made.
    """
    own = place / f"radtune-{os.getuid()}"
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = own.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise RadtuneError(f"{own}: not a folder of this user's", "ask whoever made it to remove it, or choose another place")
    folder = own / purpose
    folder.mkdir(exist_ok=True)
    return folder
