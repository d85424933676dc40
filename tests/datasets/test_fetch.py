"""Whole data sets are fetched from a real server: resumed after a kill, repaired, never over what the user has put there."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from radtune.config.datasets import SourceSettings
from radtune.datasets.download import Patience, partial
from radtune.datasets.fetch import fetch
from radtune.datasets.receipt import RECEIPT, Receipt, read_receipt
from radtune.datasets.status import WORK
from radtune.errors import ConfigError, DownloadError
from radtune.network import OFFLINE_VARIABLES
from unruly_server import UnrulyServer, unruly_server

QUICK = Patience(attempts=3, first_wait=0.001, longest_wait=0.05, timeout=5)
NOISE = random.Random(2).randbytes(200_000)


def zip_of(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return packed.getvalue()


def tgz_of(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


RECORD = {
    "train_captions.csv": b"ID,Caption\na,A chest X-ray.\n",
    "train_images.zip": zip_of(train__a=NOISE, train__b=b"second"),
    "reports.tgz": tgz_of("reports/1.xml", b"<xml/>"),
    "cui_mapping.csv": b"CUI,Canonical name\n",
}
CONTENTS = {
    "train_captions.csv": RECORD["train_captions.csv"],
    "cui_mapping.csv": RECORD["cui_mapping.csv"],
    "train_images/train/a": NOISE,
    "train_images/train/b": b"second",
    "reports/1.xml": b"<xml/>",
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[UnrulyServer]:
    for variable in OFFLINE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    with unruly_server() as started:
        yield started


def settings(folder: Path, download: str = "zenodo:7", **more: Any) -> SourceSettings:
    return SourceSettings(folder=str(folder), download=download, **more)


def fetched(folder: Path, server: UnrulyServer, **more: Any) -> Receipt:
    return fetch(settings(folder, **more), patience=QUICK, zenodo_api=f"{server.base}/api/records")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the folder but the receipt."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.name != RECEIPT}


def test_record_is_fetched_proved_and_unpacked(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve_record(7, RECORD)
    receipt = fetched(tmp_path / "set", server)
    assert contents(tmp_path / "set") == CONTENTS
    assert read_receipt(tmp_path / "set") == receipt
    assert (receipt.source, receipt.licence) == ("zenodo:7", "cc-by-4.0")
    assert {file.path: (file.size, file.sha256) for part in receipt.parts for file in part.files} == {
        path: (len(content), sha256(content).hexdigest()) for path, content in CONTENTS.items()
    }
    assert [part.name for part in receipt.parts] == list(RECORD)
    assert all(part.checksum.startswith("md5:") and part.size == len(RECORD[part.name]) for part in receipt.parts)


def test_second_fetch_asks_the_server_nothing(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve_record(7, RECORD)
    receipt = fetched(tmp_path / "set", server)
    server.asked.clear()
    assert fetched(tmp_path / "set", server) == receipt
    assert not server.asked


def test_files_come_in_parallel_but_not_all_at_once(tmp_path: Path, server: UnrulyServer) -> None:
    hold = threading.Event()
    server.serve_record(7, {f"{number}.csv": b"content" for number in range(12)}, hold=hold)
    waiting = threading.Thread(target=fetched, args=(tmp_path / "set", server))
    waiting.start()
    deadline = time.monotonic() + 20
    while server.at_once < QUICK.files_at_once and time.monotonic() < deadline:
        time.sleep(0.01)
    hold.set()
    waiting.join()
    assert server.most_at_once == QUICK.files_at_once
    assert len(contents(tmp_path / "set")) == 12


def test_cut_and_busy_server(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve_record(7, RECORD, cut_after=30_000)
    server.files["/api/records/7"].failures = [(503, {}), (429, {"Retry-After": "0"})]
    fetched(tmp_path / "set", server)
    assert contents(tmp_path / "set") == CONTENTS


def test_one_bad_file_keeps_the_rest_and_the_next_fetch_has_only_that(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve_record(7, RECORD)
    bad = server.files["/api/records/7/files/train_images.zip/content"]
    bad.content = b"?" * len(bad.content)
    with pytest.raises(DownloadError, match=r"train_images.zip: cannot be had[\s\S]*md5 is"):
        fetched(tmp_path / "set", server)
    assert not (tmp_path / "set" / RECEIPT).exists()
    assert not (tmp_path / "set/train_images").exists()

    bad.content = RECORD["train_images.zip"]
    server.asked.clear()
    fetched(tmp_path / "set", server)
    assert contents(tmp_path / "set") == CONTENTS
    assert set(server.asked) == {"/api/records/7", "/api/records/7/files/train_images.zip/content"}


def test_archive_that_must_not_be_unpacked(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve_record(7, {"images.zip": zip_of(**{"..__..__evil": b"evil"})})
    with pytest.raises(DownloadError, match="leads out of the folder"):
        fetched(tmp_path / "home/set", server)
    assert not list(tmp_path.rglob("evil"))
    assert not (tmp_path / "home/set" / RECEIPT).exists()


def test_damaged_data_set_is_repaired_part_by_part(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve_record(7, RECORD)
    folder = tmp_path / "set"
    fetched(folder, server)
    (folder / "train_images/train/b").unlink()
    (folder / "train_images/notes.txt").write_bytes(b"mine")
    server.asked.clear()
    fetched(folder, server)
    assert contents(folder) == {**CONTENTS, "train_images/notes.txt": b"mine"}
    assert set(server.asked) == {"/api/records/7", "/api/records/7/files/train_images.zip/content"}


def test_altered_file_of_the_same_size_is_found_by_checksums(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve_record(7, RECORD)
    folder = tmp_path / "set"
    fetched(folder, server)
    (folder / "reports/1.xml").write_bytes(b"<XML/>")
    fetched(folder, server)
    assert (folder / "reports/1.xml").read_bytes() == b"<XML/>"
    fetch(settings(folder), patience=QUICK, checksums=True, zenodo_api=f"{server.base}/api/records")
    assert contents(folder) == CONTENTS


def test_folder_filled_by_hand_is_left_alone(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve_record(7, RECORD)
    (tmp_path / "train_captions.csv").write_text("ID,Caption\n")
    with pytest.raises(DownloadError, match="filled by hand; it is left alone"):
        fetched(tmp_path, server)
    assert contents(tmp_path) == {"train_captions.csv": b"ID,Caption\n"}
    assert not server.asked


def test_file_of_the_user_in_the_way_is_not_overwritten(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve_record(7, RECORD)
    (tmp_path / "set/reports").mkdir(parents=True)
    (tmp_path / "set/reports/1.xml").write_bytes(b"mine")
    with pytest.raises(DownloadError, match=r"1.xml: is there already, and differs"):
        fetched(tmp_path / "set", server)
    assert (tmp_path / "set/reports/1.xml").read_bytes() == b"mine"
    (tmp_path / "set/reports/1.xml").unlink()
    fetched(tmp_path / "set", server)
    assert contents(tmp_path / "set") == CONTENTS


def test_two_downloads_never_share_a_folder(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve_record(7, RECORD)
    server.serve_record(8, {"a.csv": b"other"})
    fetched(tmp_path / "set", server)
    with pytest.raises(DownloadError, match="holds zenodo:7 instead of zenodo:8"):
        fetched(tmp_path / "set", server, download="zenodo:8")
    server.files["/api/records/7/files/reports.tgz/content"].failures = [(404, {})] * 9
    with pytest.raises(DownloadError):
        fetched(tmp_path / "half", server)
    with pytest.raises(DownloadError, match="an interrupted fetch of zenodo:7 lies there"):
        fetched(tmp_path / "half", server, download="zenodo:8")


@pytest.mark.parametrize("variable", OFFLINE_VARIABLES)
def test_offline(tmp_path: Path, server: UnrulyServer, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    server.serve_record(7, RECORD)
    fetched(tmp_path / "set", server)
    monkeypatch.setenv(variable, "1")
    server.asked.clear()
    fetched(tmp_path / "set", server)  # whole: nothing is asked
    (tmp_path / "set/reports/1.xml").unlink()
    with pytest.raises(DownloadError, match=rf"not whole \(reports/1.xml\), and {variable} forbids the network"):
        fetched(tmp_path / "set", server)
    with pytest.raises(DownloadError, match="nothing in the layout rocov2"):
        fetched(tmp_path / "other", server)
    assert not server.asked


def test_mirror_has_everything(tmp_path: Path, server: UnrulyServer) -> None:
    """With the description beside the files, a mirror serves where Zenodo does not answer at all."""
    for name, content in RECORD.items():
        server.serve(f"/mirror/{name}", content)
    server.serve_record(7, RECORD)
    server.files["/mirror/record.json"] = server.files.pop("/api/records/7")
    for name in RECORD:
        del server.files[f"/api/records/7/files/{name}/content"]
    fetched(tmp_path / "set", server, mirrors=(f"{server.base}/mirror/",))
    assert contents(tmp_path / "set") == CONTENTS


def test_addresses_with_checksums_and_names(tmp_path: Path, server: UnrulyServer) -> None:
    packed = zip_of(**{"1.jpg": b"image"})
    table = server.serve("/download/6qdas/", b"[]") + f"#name=My%20Table.json&sha256={sha256(b'[]').hexdigest()}"
    images = server.serve("/zip/", packed) + f"?zip=#sha256={sha256(packed).hexdigest()}&name=Image%20Folder.zip"
    receipt = fetched(tmp_path / "set", server, download=f"{table} {images}", format="vqa_rad")
    assert contents(tmp_path / "set") == {"My Table.json": b"[]", "Image Folder/1.jpg": b"image"}
    assert receipt.parts[1].address == f"{server.base}/zip/"


def test_tokens_come_from_the_environment(tmp_path: Path, server: UnrulyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVE_TOKEN", "hunter2")
    table = server.serve("/a.json", b"[]") + f"?token=${{ARCHIVE_TOKEN}}#sha256={sha256(b'[]').hexdigest()}"
    receipt = fetched(tmp_path / "set", server, download=table, format="vqa_rad")
    assert [asked["query"] for asked in server.asked["/a.json"]] == ["token=hunter2"]
    assert "hunter2" not in (tmp_path / "set/receipt.json").read_text()
    assert receipt.source.startswith(f"{server.base}/a.json#")


def test_disk_that_is_too_small_is_told_first(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve_record(7, RECORD)
    record = json.loads(server.files["/api/records/7"].content)
    record["files"][1]["size"] = 1 << 60
    server.files["/api/records/7"].content = json.dumps(record).encode()
    with pytest.raises(DownloadError, match=r"about [\d.]+ GB are wanted"):
        fetched(tmp_path / "set", server)
    assert set(server.asked) == {"/api/records/7"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": "../evil.csv"}, "leads out of the folder"),
        ({"key": ".fetch/x"}, "hidden file"),
        ({"checksum": "crc32:00000000"}, "checksums of an unknown kind"),
        ({"size": "large"}, "not the description of a record"),
    ],
)
def test_records_that_are_not_believed(tmp_path: Path, server: UnrulyServer, change: dict[str, str], message: str) -> None:
    server.serve_record(7, RECORD)
    record = json.loads(server.files["/api/records/7"].content)
    record["files"][0] |= change
    server.files["/api/records/7"].content = json.dumps(record).encode()
    with pytest.raises(DownloadError, match=message):
        fetched(tmp_path / "set", server)
    assert contents(tmp_path / "set").keys() == {f"{WORK}/source.txt"}


def test_record_without_files_and_no_record(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve("/api/records/7", b'{"id": 7, "metadata": {}}')
    with pytest.raises(DownloadError, match="lists no files"):
        fetched(tmp_path / "set", server)
    server.serve("/api/records/7", b"<html>")
    with pytest.raises(DownloadError, match="not the description of a record"):
        fetched(tmp_path / "set", server)


def test_settings_without_a_download_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no download and folder"):
        fetch(SourceSettings(folder=str(tmp_path)))
    with pytest.raises(ConfigError, match="not understood"):
        fetch(settings(tmp_path, "ftp://example.org/a.zip"))
    assert list(tmp_path.iterdir()) == []


FETCH = """
import json, sys
from radtune.config.datasets import SourceSettings
from radtune.datasets.download import Patience
from radtune.datasets.fetch import fetch
fetch(SourceSettings(folder=sys.argv[1], download="zenodo:7"), patience=Patience(timeout=30), zenodo_api=sys.argv[2])
"""


def test_killed_process_is_resumed(tmp_path: Path, server: UnrulyServer) -> None:
    """Killed while the images come: the next process has the other half only, and nothing else again."""
    server.serve_record(7, RECORD)
    images = "/api/records/7/files/train_images.zip/content"
    server.files[images].hold = hold = threading.Event()
    folder = tmp_path / "set"
    command = [sys.executable, "-c", FETCH, str(folder), f"{server.base}/api/records"]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    half = partial(folder / WORK / "files/train_images.zip")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (
        (folder / "reports/1.xml").exists()
        and (folder / "cui_mapping.csv").exists()
        and (folder / "train_captions.csv").exists()
        and half.exists()
        and half.stat().st_size > 0
    ):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    hold.set()
    received = half.stat().st_size
    assert 0 < received < len(RECORD["train_images.zip"])
    assert not (folder / RECEIPT).exists()

    server.asked.clear()
    fetched(folder, server)
    assert contents(folder) == CONTENTS
    assert set(server.asked) == {"/api/records/7", images}
    assert server.asked[images][0]["Range"] == f"bytes={received}-"


def test_process_that_ended_between_proof_and_move(tmp_path: Path, server: UnrulyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a record says is proved is taken over, wherever its files lie; a record whose files are gone is not believed."""
    server.serve_record(7, RECORD)
    folder = tmp_path / "set"
    bad = server.files["/api/records/7/files/cui_mapping.csv/content"]
    bad.failures = [(404, {})]
    with pytest.raises(DownloadError):
        fetched(folder, server)
    (folder / WORK / "unpacked/train_images/train").mkdir(parents=True, exist_ok=True)
    (folder / "train_images/train/b").rename(folder / WORK / "unpacked/train_images/train/b")
    (folder / "train_captions.csv").unlink()
    server.asked.clear()
    fetched(folder, server)
    assert contents(folder) == CONTENTS
    assert set(server.asked) == {f"/api/records/7{rest}" for rest in (
        "", "/files/cui_mapping.csv/content", "/files/train_captions.csv/content")}  # fmt: skip


def test_fetches_into_one_folder_wait_for_each_other(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve_record(7, RECORD)
    threads = [threading.Thread(target=fetched, args=(tmp_path / "set", server)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents(tmp_path / "set") == CONTENTS
    assert all(len(requests) == 1 for requests in server.asked.values())
