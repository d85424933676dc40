"""Downloads from a server that misbehaves in every way that servers do."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import md5, sha256
from pathlib import Path

import pytest

from radtune.datasets.download import Patience, RemoteFile, download, new_client, partial
from radtune.errors import DownloadError
from unruly_server import UnrulyServer, unruly_server

CONTENT = random.Random(1).randbytes(300_000)
QUICK = Patience(attempts=3, first_wait=0.001, longest_wait=0.05, timeout=5)


@pytest.fixture
def server() -> Iterator[UnrulyServer]:
    with unruly_server() as started:
        yield started


def get(
    target: Path,
    *addresses: str,
    size: int | None = len(CONTENT),
    checksum: str | None = None,
    patience: Patience = QUICK,
    most_bytes: int = 10 << 20,
    stop: threading.Event | None = None,
) -> int:
    """Download to ``target``; the bytes that the progress bar was told of."""
    told: list[int] = []
    checksum = f"md5:{md5(CONTENT).hexdigest()}" if checksum is None else checksum
    with new_client(patience) as client:
        file = RemoteFile(target.name, addresses, size, checksum)
        download(client, file, target, patience, most_bytes=most_bytes, advance=told.append, stop=stop)
    return sum(told)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_file_is_had_and_nothing_else_is_left(tmp_path: Path, server: UnrulyServer) -> None:
    told = get(tmp_path / "a.bin", server.serve("/a", CONTENT))
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert left_in(tmp_path) == ["a.bin"]
    assert told == len(CONTENT)


def test_sha256_is_proved_as_well(tmp_path: Path, server: UnrulyServer) -> None:
    get(tmp_path / "a.bin", server.serve("/a", CONTENT), checksum=f"sha256:{sha256(CONTENT).hexdigest()}")
    with pytest.raises(DownloadError, match="sha256 is"):
        get(tmp_path / "b.bin", server.serve("/a", CONTENT), checksum=f"sha256:{'0' * 64}")


def test_cut_connections_are_resumed_however_many(tmp_path: Path, server: UnrulyServer) -> None:
    address = server.serve("/a", CONTENT, cut_after=20_000)
    told = get(tmp_path / "a.bin", address)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert told == len(CONTENT)
    asked = server.asked["/a"]
    assert len(asked) == 15  # more than Patience.attempts: each brought something
    assert [request.get("Range") for request in asked[:3]] == [None, "bytes=20000-", "bytes=40000-"]
    assert asked[1]["If-Range"] == '"1"'


def test_server_that_ignores_ranges_starts_anew(tmp_path: Path, server: UnrulyServer) -> None:
    told = get(tmp_path / "a.bin", server.serve("/a", CONTENT, ranges=False, cut_after=50_000, cuts=2))
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert told == len(CONTENT)  # what was thrown away was taken back


def test_server_that_ignores_ranges_and_always_cuts_is_given_up(tmp_path: Path, server: UnrulyServer) -> None:
    with pytest.raises(DownloadError, match="given up after 4 attempts"):
        get(tmp_path / "a.bin", server.serve("/a", CONTENT, ranges=False, cut_after=50_000))
    assert not (tmp_path / "a.bin").exists()
    assert len(server.asked["/a"]) == 4  # the first brought something


@pytest.mark.parametrize("checksum", [None, ""])
def test_changed_file_is_not_glued_to_an_old_half(tmp_path: Path, server: UnrulyServer, checksum: str | None) -> None:
    address = server.serve("/a", b"x" * len(CONTENT), cut_after=50_000)
    with pytest.raises(DownloadError):
        get(tmp_path / "a.bin", address, checksum=checksum, stop=_after(server, 2))
    assert partial(tmp_path / "a.bin").stat().st_size > 0
    server.serve("/a", CONTENT, etag='"2"')
    get(tmp_path / "a.bin", address, checksum=checksum)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def _after(server: UnrulyServer, requests: int) -> threading.Event:
    """An event that is set when the server is asked for the n-th time."""
    stop = threading.Event()

    def count(path: str) -> None:
        if len(server.asked[path]) >= requests:
            stop.set()

    server.before = count
    return stop


def test_half_without_validator_and_checksum_is_not_built_upon(tmp_path: Path, server: UnrulyServer) -> None:
    address = server.serve("/a", CONTENT, etag=None, cut_after=100_000, cuts=1)
    get(tmp_path / "a.bin", address, checksum="")
    assert [request.get("Range") for request in server.asked["/a"]] == [None, None]
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_weak_tag_is_no_validator_and_a_date_is(tmp_path: Path, server: UnrulyServer) -> None:
    date = "Wed, 01 Jan 2025 00:00:00 GMT"
    address = server.serve("/a", CONTENT, etag='W/"1"', headers={"Last-Modified": date}, cut_after=100_000, cuts=1, ranges=False)
    get(tmp_path / "a.bin", address)
    assert server.asked["/a"][1]["If-Range"] == date


def test_wrong_byte_is_found_and_fetched_once_more(tmp_path: Path, server: UnrulyServer) -> None:
    wrong = CONTENT[:1000] + b"?" + CONTENT[1001:]
    address = server.serve("/a", wrong)
    with pytest.raises(DownloadError, match=r"md5 is \w+, the source states"):
        get(tmp_path / "a.bin", address)
    assert len(server.asked["/a"]) == 2
    assert left_in(tmp_path) == []


def test_wrong_byte_in_one_answer_only(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve("/a", CONTENT[:-1] + b"?")

    def mend(path: str) -> None:
        if len(server.asked[path]) == 2:
            server.serve("/a", CONTENT)

    server.before = mend
    get(tmp_path / "a.bin", f"{server.base}/a")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("claimed", [len(CONTENT) + 7, len(CONTENT) - 7])
def test_length_that_is_a_lie(tmp_path: Path, server: UnrulyServer, claimed: int) -> None:
    """Too long a length: the answer seems cut, and the part is already whole. Too short a one: the rest is asked for."""
    get(tmp_path / "a.bin", server.serve("/a", CONTENT, claimed_length=claimed, cuts=1))
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_length_that_is_a_lie_in_a_file_of_unknown_size(tmp_path: Path, server: UnrulyServer) -> None:
    address = server.serve("/a", CONTENT, claimed_length=len(CONTENT) + 7)
    with pytest.raises(DownloadError, match="given up after"):
        get(tmp_path / "a.bin", address, size=None, checksum="")
    assert not (tmp_path / "a.bin").exists()


def test_answer_without_length(tmp_path: Path, server: UnrulyServer) -> None:
    get(tmp_path / "a.bin", server.serve("/a", CONTENT, claimed_length=-1))
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_endless_file_is_stopped(tmp_path: Path, server: UnrulyServer, size: int | None) -> None:
    address = server.serve("/a", CONTENT, endless=True)
    with pytest.raises(DownloadError, match=f"sends more than {size or 700_000} bytes"):
        get(tmp_path / "a.bin", address, size=size, most_bytes=700_000)
    assert left_in(tmp_path) == []


def test_busy_server_is_asked_again_after_the_time_it_names(tmp_path: Path, server: UnrulyServer) -> None:
    soon = format_datetime(datetime.now(UTC) - timedelta(seconds=1), usegmt=True)
    failures = [
        (429, {"Retry-After": "0"}),
        (503, {}),
        (503, {"Retry-After": soon}),
        (500, {"Retry-After": "soon"}),
        (500, {"Retry-After": "²"}),
    ]
    get(tmp_path / "a.bin", server.serve("/a", CONTENT, failures=failures), patience=Patience(attempts=6, first_wait=0.001))
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert len(server.asked["/a"]) == 6


def test_server_that_wants_too_long_a_wait_is_given_up(tmp_path: Path, server: UnrulyServer) -> None:
    address = server.serve("/a", CONTENT, failures=[(429, {"Retry-After": "3600"})])
    with pytest.raises(DownloadError, match="status 429; it asks to wait 3600 s"):
        get(tmp_path / "a.bin", address)
    assert len(server.asked["/a"]) == 1


def test_server_that_stays_down_is_given_up(tmp_path: Path, server: UnrulyServer) -> None:
    address = server.serve("/a", CONTENT, failures=[(503, {})] * 10)
    with pytest.raises(DownloadError, match="status 503"):
        get(tmp_path / "a.bin", address)
    assert len(server.asked["/a"]) == QUICK.attempts


def test_absent_file_is_not_asked_for_again(tmp_path: Path, server: UnrulyServer) -> None:
    with pytest.raises(DownloadError, match="status 404"):
        get(tmp_path / "a.bin", f"{server.base}/none")
    assert len(server.asked["/none"]) == 1


def test_mirrors_are_tried_in_turn(tmp_path: Path, server: UnrulyServer) -> None:
    wrong, right = server.serve("/wrong", CONTENT[::-1]), server.serve("/right", CONTENT)
    get(tmp_path / "a.bin", "http://127.0.0.1:9/none", f"{server.base}/none", wrong, right)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_mirror_goes_on_with_the_half_of_another_if_the_checksum_is_known(tmp_path: Path, server: UnrulyServer) -> None:
    first = server.serve("/first", CONTENT, cut_after=100_000)

    def then_gone(path: str) -> None:
        if len(server.asked["/first"]) == 2:
            server.files["/first"].failures = [(404, {})]

    server.before = then_gone
    get(tmp_path / "a.bin", first, server.serve("/second", CONTENT))
    assert server.asked["/second"][0]["Range"] == "bytes=100000-"
    assert "If-Range" not in server.asked["/second"][0]


def test_every_address_says_what_was_wrong_and_no_secret_is_shown(tmp_path: Path, server: UnrulyServer) -> None:
    secret = server.base.replace("//", "//user:password@") + "/none?token=secret"
    with pytest.raises(DownloadError) as error:
        get(tmp_path / "a.bin", secret, f"{server.base}/other")
    assert f"{server.base}/none: status 404" in str(error.value)
    assert f"{server.base}/other: status 404" in str(error.value)
    assert "password" not in str(error.value)
    assert "secret" not in str(error.value)


def test_whole_part_of_an_ended_process_is_only_proved(tmp_path: Path, server: UnrulyServer) -> None:
    partial(tmp_path / "a.bin").write_bytes(CONTENT)
    get(tmp_path / "a.bin", server.serve("/a", CONTENT))
    assert server.asked["/a"] == []


def test_part_that_is_longer_than_the_file(tmp_path: Path, server: UnrulyServer) -> None:
    partial(tmp_path / "a.bin").write_bytes(CONTENT + b"more")
    get(tmp_path / "a.bin", server.serve("/a", CONTENT))
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_part_that_the_server_finds_too_long(tmp_path: Path, server: UnrulyServer) -> None:
    partial(tmp_path / "a.bin").write_bytes(CONTENT + b"more")
    get(tmp_path / "a.bin", server.serve("/a", CONTENT), size=None)
    assert server.asked["/a"][0]["Range"] == f"bytes={len(CONTENT) + 4}-"
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_compressed_transfer_is_refused(tmp_path: Path, server: UnrulyServer) -> None:
    with pytest.raises(DownloadError, match="compressed transfer"):
        get(tmp_path / "a.bin", server.serve("/a", CONTENT, encoding="gzip"), checksum="")
    assert server.asked["/a"][0]["Accept-Encoding"] == "identity"


def test_redirect_is_followed_and_a_circle_is_not(tmp_path: Path, server: UnrulyServer) -> None:
    server.serve("/a", CONTENT)
    get(tmp_path / "a.bin", server.serve("/old", b"", redirect="/a"))
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    with pytest.raises(DownloadError, match="TooManyRedirects"):
        get(tmp_path / "b.bin", server.serve("/circle", b"", redirect="/circle"))


def test_silent_server_counts_as_cut(tmp_path: Path, server: UnrulyServer) -> None:
    hold = threading.Event()
    address = server.serve("/a", CONTENT, hold=hold, etag=None)
    with pytest.raises(DownloadError, match="ReadTimeout"):
        get(tmp_path / "a.bin", address, patience=Patience(attempts=1, first_wait=0.001, timeout=0.2), checksum="")
    hold.set()


def test_target_that_cannot_be_written(tmp_path: Path, server: UnrulyServer) -> None:
    partial(tmp_path / "a.bin").mkdir()
    with pytest.raises(DownloadError, match="cannot be written"):
        get(tmp_path / "a.bin", server.serve("/a", CONTENT), size=None)
