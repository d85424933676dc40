from __future__ import annotations

import hashlib
from pathlib import Path

from radtune.artifacts.digests import path_digest


def test_a_folders_digest_tells_names_places_and_contents_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    assert path_digest(tmp_path / "a") == hashlib.sha256(b"one").hexdigest()
    (tmp_path / "folder/deeper").mkdir(parents=True)
    (tmp_path / "folder/deeper/b").write_text("two")
    (tmp_path / "folder/c").write_text("three")
    seen = {path_digest(tmp_path / "folder")}
    (tmp_path / "folder/c").write_text("four")
    seen.add(path_digest(tmp_path / "folder"))
    (tmp_path / "folder/c").rename(tmp_path / "folder/d")
    seen.add(path_digest(tmp_path / "folder"))
    (tmp_path / "folder/d").rename(tmp_path / "folder/deeper/d")
    seen.add(path_digest(tmp_path / "folder"))
    assert len(seen) == 4
    (tmp_path / "folder").rename(tmp_path / "moved")
    assert path_digest(tmp_path / "moved") in seen
