"""Data sets from the hub, by the hub's own client, against a server that speaks the hub's protocol."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from radtune.config.datasets import SourceSettings
from radtune.datasets.fetch import fetch
from radtune.datasets.receipt import RECEIPT
from radtune.errors import ConfigError, DownloadError
from radtune.network import OFFLINE_VARIABLES
from unruly_server import UnrulyServer, unruly_server

COMMIT = "a" * 40
SET = f"hub:owner/set@{COMMIT}"


def packed() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("imgs/xmlab0/source.jpg", b"image" * 1000)
    return content.getvalue()


FILES = {"train.json": b"[]", "data/test.json": b"[1]", "imgs.zip": packed(), ".gitattributes": b"*.zip lfs"}


class Hub:
    """The part of the hub that gives out one data set."""

    def __init__(self, server: UnrulyServer) -> None:
        self.server = server
        tree = []
        for name, content in FILES.items():
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            entry = {"type": "file", "path": name, "size": len(content), "oid": blob}
            if name.endswith(".zip"):
                entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
            tree.append(entry)
            etag = hashlib.sha256(content).hexdigest() if name.endswith(".zip") else blob
            server.serve(
                f"/datasets/owner/set/resolve/{COMMIT}/{name}",
                content,
                etag=f'"{etag}"',
                headers={"X-Repo-Commit": COMMIT},
            )
        server.serve(f"/api/datasets/owner/set/tree/{COMMIT}", json.dumps(tree).encode())

    def file(self, name: str) -> str:
        return f"/datasets/owner/set/resolve/{COMMIT}/{name}"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for variable in OFFLINE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    with unruly_server() as server:
        yield Hub(server)


def fetched(folder: Path, hub: Hub, download: str = SET, mirrors: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Fetch; what is in the folder then."""
    fetch(SourceSettings(folder=str(folder), download=download, format="slake", mirrors=mirrors), hub=hub.server.base)
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != RECEIPT)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_data_set_is_fetched_proved_and_unpacked(tmp_path: Path, hub: Hub) -> None:
    assert fetched(tmp_path / "set", hub) == {
        "train.json": b"[]",
        "data/test.json": b"[1]",
        "imgs/xmlab0/source.jpg": b"image" * 1000,
    }


def test_another_hub_is_a_mirror(tmp_path: Path, hub: Hub) -> None:
    with unruly_server() as server:
        Hub(server)
        hub.server.files.clear()
        assert "data/test.json" in fetched(tmp_path / "set", hub, mirrors=(server.base,))


def test_hub_that_refuses(tmp_path: Path, hub: Hub) -> None:
    hub.server.files[f"/api/datasets/owner/set/tree/{COMMIT}"].failures = [(403, {})] * 9
    with pytest.raises(DownloadError, match="the hub does not give it"):
        fetched(tmp_path / "set", hub)


def test_one_file_of_it(tmp_path: Path, hub: Hub) -> None:
    assert fetched(tmp_path / "set", hub, f"{SET}/data/test.json") == {"data/test.json": b"[1]"}


def test_file_that_is_not_what_the_hub_states(tmp_path: Path, hub: Hub) -> None:
    served = hub.server.files[hub.file("imgs.zip")]
    right = served.content
    served.content = right[:-1] + b"?"
    with pytest.raises(DownloadError, match=r"imgs\.zip is not what the hub states"):
        fetched(tmp_path / "set", hub)
    assert not (tmp_path / "set" / RECEIPT).exists()
    served.content = right
    assert "imgs/xmlab0/source.jpg" in fetched(tmp_path / "set", hub)


def test_no_such_file_data_set_or_revision(tmp_path: Path, hub: Hub) -> None:
    with pytest.raises(DownloadError, match="holds no such file"):
        fetched(tmp_path / "set", hub, f"{SET}/none.json")
    with pytest.raises(DownloadError, match=r"the hub does not give it|no such data set"):
        fetched(tmp_path / "other", hub, f"hub:owner/other@{COMMIT}")


def test_revision_must_be_pinned(tmp_path: Path, hub: Hub) -> None:
    with pytest.raises(ConfigError, match="not pinned"):
        fetched(tmp_path / "set", hub, "hub:owner/set")
