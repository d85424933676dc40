"""Copies on the node's disk: shared, proved by their rows, and never needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from radtune.artifacts.io import read_footer
from radtune.config.images import ImageSettings
from radtune.images.staging import staged
from radtune.images.standardise import standardise
from radtune.images.store import ImageStore

ITEMS = 80


@pytest.fixture
def shards(tmp_path: Path, write_captions: Any) -> list[Path]:
    """Images of one colour each, in two shards."""
    files = {f"item-{number:02d}": tmp_path / f"{number:02d}.png" for number in range(ITEMS)}
    for number, path in enumerate(files.values()):
        Image.new("RGB", (8, 8), (number, 0, 7)).save(path)
    captions = write_captions(files)
    chosen = ImageSettings(size=8, format="png", shards=2)
    paths = [tmp_path / f"images-{shard}.parquet" for shard in range(2)]
    for shard, path in enumerate(paths):
        standardise([captions], path, tmp_path / "quarantine.parquet", shard=shard, settings=chosen, seed=1)
    return paths


def copies(scratch: Path) -> Path:
    return scratch / f"radtune-{os.getuid()}/images"


def in_another_process(shards: list[Path], scratch: Path, *, before: str = "pass") -> subprocess.Popen[str]:
    """Stage in a process of its own, which prints where it reads."""
    code = (
        f"from pathlib import Path; from radtune.images.staging import staged; import os, resource, signal, sys; {before};"
        " print(*staged([Path(shard) for shard in sys.argv[2:]], sys.argv[1]))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(scratch), *map(str, shards)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_without_scratch_nothing_is_copied(shards: list[Path]) -> None:
    assert staged(shards, None) == shards


def test_copies_hold_the_same_images(shards: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scratch = tmp_path / "scratch"
    places = staged(shards, str(scratch))
    assert places == [copies(scratch) / f"{read_footer(shard)['content_digest']}.parquet" for shard in shards]
    assert capsys.readouterr().err == f"staging: 2 of 2 image shards are read from copies on {scratch}\n"
    original, copied = ImageStore(shards), ImageStore(places)
    assert len(copied) == ITEMS
    assert all(copied.bytes(item_id) == original.bytes(item_id) for item_id in original.item_ids)


def test_a_copy_is_made_once_for_all_jobs_and_runs(shards: list[Path], tmp_path: Path) -> None:
    """Also of a shard of the same content under another name."""
    scratch = tmp_path / "scratch"
    (first, _) = staged(shards, str(scratch))
    made = first.stat().st_ino
    again = tmp_path / "other_run.parquet"
    shutil.copyfile(shards[0], again)
    assert staged([again], str(scratch)) == [first]
    assert first.stat().st_ino == made


def test_processes_that_stage_at_the_same_time_share_one_copy(shards: list[Path], tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    processes = [in_another_process(shards, scratch) for _ in range(4)]
    printed = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert len(printed) == 1
    assert len(list(copies(scratch).glob("*.parquet"))) == 2
    assert list(copies(scratch).glob(".*")) == []


def test_a_killed_copy_is_cleared_away(shards: list[Path], tmp_path: Path) -> None:
    """The half file of a process that a signal ended in the middle of its copying does not stay."""
    scratch = tmp_path / "scratch"
    half = "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); signal.signal(signal.SIGXFSZ, signal.SIG_DFL)"
    killed = in_another_process(shards, scratch, before=half)
    killed.communicate(timeout=60)
    assert killed.returncode < 0
    assert len(list(copies(scratch).glob(".*.tmp"))) == 1
    assert [place.parent for place in staged(shards, str(scratch))] == [copies(scratch)] * 2
    assert list(copies(scratch).glob(".*")) == []


@pytest.mark.parametrize("kind", ["truncated", "other rows", "one bit"])
def test_an_altered_copy_is_not_used(shards: list[Path], tmp_path: Path, kind: str) -> None:
    scratch = tmp_path / "scratch"
    (copy, other) = staged(shards, str(scratch))
    whole = copy.read_bytes()
    if kind == "truncated":
        copy.write_bytes(whole[: len(whole) // 2])
    elif kind == "other rows":
        shutil.copyfile(other, copy)
    else:
        place = whole.index(b"IDAT") + 6
        copy.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    assert staged(shards, str(scratch)) == [copy, other]
    assert copy.read_bytes() == whole


def test_a_disk_that_fills_up_is_a_warning(shards: list[Path], tmp_path: Path) -> None:
    """A limit on the size of files, which the kernel enforces as it does a full disk."""
    scratch = tmp_path / "scratch"
    limited = in_another_process(shards, scratch, before="resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))")
    printed, said = limited.communicate(timeout=60)
    assert printed.split() == [str(shard) for shard in shards]
    assert "0 of 2 image shards" in said
    assert "warning: 2 are read where they are" in said
    assert list(copies(scratch).glob("*.parquet")) == list(copies(scratch).glob(".*.tmp")) == []


def test_a_disk_that_is_too_small_is_a_warning(shards: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8M", "none", scratch], check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        assert staged(shards, str(scratch)) == shards
        assert list(copies(scratch).glob("*.parquet")) == []
    finally:
        subprocess.run(["umount", scratch], check=True)
    assert "too few for a copy" in capsys.readouterr().err


@pytest.mark.parametrize("scratch", ["$RADTUNE_NO_SUCH_VARIABLE/x", "/dev/null/x"])
def test_a_scratch_that_is_not_there_is_a_warning(shards: list[Path], scratch: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert staged(shards, scratch) == shards
    assert "warning: 2 are read where they are" in capsys.readouterr().err


def test_variables_are_those_of_the_job(shards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR_OF_THE_JOB", str(tmp_path / "node"))
    (place,) = staged(shards[:1], "$TMPDIR_OF_THE_JOB/mine")
    assert place.parent == copies(tmp_path / "node/mine")


def test_a_shard_whose_rows_are_not_those_of_its_footer_is_read_where_it_is(shards: list[Path], tmp_path: Path) -> None:
    """What is wrong with it is for the audit to say; a copy would only hide where it came from."""
    whole = shards[0].read_bytes()
    place = whole.index(b"IDAT") + 6
    shards[0].write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    places = staged(shards, str(tmp_path / "scratch"))
    assert places[0] == shards[0]
    assert places[1].parent == copies(tmp_path / "scratch")
