"""Archives that are well made, and those that are meant to do harm."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from radtune.datasets.unpack import ALWAYS_ALLOWED_BYTES, archive_stem, safe_parts, unpack
from radtune.errors import DownloadError

ROOM = 1 << 30


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def tarred(path: Path, *members: tuple[str, bytes] | tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for member in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member[0])
            content = b"" if isinstance(member, tarfile.TarInfo) else member[1]
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def tar_member(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def refused(archive: Path, match: str, most_bytes: int = ROOM) -> None:
    """``archive`` is refused, and nothing of it is left, neither in the target's folder nor outside."""
    target = archive.parent / "home/target"
    target.parent.mkdir(exist_ok=True)
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(DownloadError, match=match):
        unpack(archive, target, most_bytes=most_bytes)
    assert sorted(archive.parent.rglob("*")) == before


@pytest.mark.parametrize("name", ["set.zip", "set.tar.gz", "set.tgz", "set.tar"])
def test_files_and_their_digests(tmp_path: Path, name: str) -> None:
    make = zipped if name.endswith("zip") else tarred
    archive = make(tmp_path / name, ("a.txt", b"one"), ("folder/b.txt", b"two"))
    unpacked = unpack(archive, tmp_path / "target", most_bytes=ROOM)
    assert {(file.path, file.size, file.sha256) for file in unpacked.files} == {
        ("a.txt", 3, sha256(b"one").hexdigest()),
        ("folder/b.txt", 3, sha256(b"two").hexdigest()),
    }
    assert (tmp_path / "target/folder/b.txt").read_bytes() == b"two"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "target"])


def test_folder_of_the_same_name_is_not_made_twice(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "imgs.zip", ("imgs/", b""), ("imgs/x/1.jpg", b"1"), ("__MACOSX/imgs/._x", b"fork"))
    unpacked = unpack(archive, tmp_path / "imgs", most_bytes=ROOM)
    assert [file.path for file in unpacked.files] == ["x/1.jpg"]
    assert (tmp_path / "imgs/x/1.jpg").read_bytes() == b"1"
    assert unpacked.left_out == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["imgs", "imgs.zip"]


def test_other_folder_is_kept(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "train_images.zip", ("train/1.jpg", b"1"))
    unpack(archive, tmp_path / "train_images", most_bytes=ROOM)
    assert (tmp_path / "train_images/train/1.jpg").is_file()


def test_archives_in_the_archive(tmp_path: Path) -> None:
    innermost = zipped(tmp_path / "deep.zip", ("deep.txt", b"deep")).read_bytes()
    inner = zipped(tmp_path / "Images.zip", ("Images/1.jpg", b"1"), ("deep.zip", innermost)).read_bytes()
    archive = zipped(tmp_path / "Test.zip", ("Test/questions.txt", b"q"), ("Test/Images.zip", inner))
    unpacked = unpack(archive, tmp_path / "Test", most_bytes=ROOM)
    assert sorted(file.path for file in unpacked.files) == ["Images/Images/1.jpg", "Images/deep.zip", "questions.txt"]
    assert all((tmp_path / "Test" / file.path).stat().st_size == file.size for file in unpacked.files)


def test_target_that_is_there_is_left_alone(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", ("a.txt", b"new"))
    (tmp_path / "a").mkdir()
    (tmp_path / "a/a.txt").write_bytes(b"mine")
    with pytest.raises(DownloadError, match="there already"):
        unpack(archive, tmp_path / "a", most_bytes=ROOM)
    assert (tmp_path / "a/a.txt").read_bytes() == b"mine"


def test_what_an_ended_process_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".a.unpacking").mkdir()
    (tmp_path / ".a.unpacking/stale.txt").write_bytes(b"stale")
    unpacked = unpack(zipped(tmp_path / "a.zip", ("a.txt", b"new")), tmp_path / "a", most_bytes=ROOM)
    assert [file.path for file in unpacked.files] == ["a.txt"]
    assert not (tmp_path / ".a.unpacking").exists()


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:evil", "a\\..\\..\\evil"])
@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_paths_that_lead_outside(tmp_path: Path, name: str, kind: str) -> None:
    make = zipped if kind == "zip" else tarred
    refused(make(tmp_path / f"a.{kind}", ("good.txt", b"good"), (name, b"evil")), "leads out of the folder")


def test_symbolic_link_in_a_zip(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused(zipped(tmp_path / "a.zip", (link, b"/etc"), ("link/evil", b"evil")), "link or a device")


def test_pipe_in_a_zip(tmp_path: Path) -> None:
    pipe = zipfile.ZipInfo("pipe")
    pipe.external_attr = (stat.S_IFIFO | 0o777) << 16
    refused(zipped(tmp_path / "a.zip", (pipe, b"")), "link or a device")


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "/etc"),
        (tarfile.LNKTYPE, "../../a.tgz"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_links_and_devices_in_a_tar(tmp_path: Path, kind: bytes, link: str) -> None:
    refused(tarred(tmp_path / "a.tgz", ("good.txt", b"good"), tar_member("bad", kind, link)), "link or a device")


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_names_that_differ_in_case_only(tmp_path: Path, kind: str) -> None:
    make = zipped if kind == "zip" else tarred
    refused(make(tmp_path / f"a.{kind}", ("Scan.jpg", b"1"), ("scan.jpg", b"2")), "one file on some systems")


def test_folders_that_differ_in_case_or_spelling_only(tmp_path: Path) -> None:
    refused(zipped(tmp_path / "a.zip", ("Images/1.jpg", b"1"), ("images/2.jpg", b"2")), "one file on some systems")
    refused(zipped(tmp_path / "b.zip", ("\u00e9.jpg", b"1"), ("e\u0301.jpg", b"2")), "one file on some systems")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_member_that_occurs_twice(tmp_path: Path) -> None:
    refused(zipped(tmp_path / "a.zip", ("a.txt", b"1"), ("a.txt", b"2")), "occurs twice")
    refused(tarred(tmp_path / "a.tgz", ("a.txt", b"1"), ("a.txt", b"2")), "occurs twice")


def test_zip_bomb_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", ("zeros", bytes(ALWAYS_ALLOWED_BYTES + 1)))
    assert archive.stat().st_size < 100_000
    refused(archive, "would unpack to")


def test_tar_bomb_is_stopped(tmp_path: Path) -> None:
    refused(tarred(tmp_path / "a.tgz", ("zeros", bytes(ALWAYS_ALLOWED_BYTES + 1))), "stopped in 'zeros'")


def test_bomb_in_an_inner_archive(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", ("zeros", bytes(2_000_000))).read_bytes()
    refused(zipped(tmp_path / "a.zip", ("inner.zip", inner)), "would unpack to", most_bytes=1_000_000)


def test_zip_whose_directory_understates_a_size(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", ("a.txt", b"x" * 5000), method=zipfile.ZIP_STORED)
    packed = bytearray(archive.read_bytes())
    directory = packed.index(b"PK\x01\x02")
    packed[directory + 24 : directory + 28] = (10).to_bytes(4, "little")  # uncompressed size
    archive.write_bytes(packed)
    refused(archive, "not unpacked")


def test_archive_larger_than_the_room(tmp_path: Path) -> None:
    refused(zipped(tmp_path / "a.zip", ("a", bytes(1000))), "more than the 999 allowed", most_bytes=999)


@pytest.mark.parametrize("name", ["a.zip", "a.tgz", "a.tar"])
def test_damaged_archives(tmp_path: Path, name: str) -> None:
    make = zipped if name.endswith("zip") else tarred
    whole = make(tmp_path / name, ("a.txt", bytes(range(256)) * 100), ("b.txt", b"b" * 10_000)).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / name, "not unpacked")
    (tmp_path / name).write_bytes(b"<html>not found</html>")
    refused(tmp_path / name, "not unpacked")


def test_member_with_a_flipped_byte(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", ("a.txt", b"x" * 5000), method=zipfile.ZIP_STORED)
    packed = bytearray(archive.read_bytes())
    packed[1000] ^= 1
    archive.write_bytes(packed)
    refused(archive, "Bad CRC-32")


def test_encrypted_member(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", ("a.txt", b"x"))
    packed = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(signature) + offset] |= 1
    archive.write_bytes(packed)
    refused(archive, "encrypted")


def test_file_where_a_folder_is_wanted(tmp_path: Path) -> None:
    refused(zipped(tmp_path / "a.zip", ("a", b"file"), ("a/b", b"in it")), "cannot be unpacked")


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.zip", "a"),
        ("A.ZIP", "A"),
        ("a.b.tar.gz", "a.b"),
        ("x/a.tgz", "x/a"),
        ("a.csv.gz", None),
        ("a.json", None),
        (".zip", None),
    ],
)
def test_what_is_an_archive(name: str, stem: str | None) -> None:
    assert archive_stem(name) == stem


def test_safe_parts() -> None:
    assert safe_parts("a/./b c.jpg") == ("a", "b c.jpg")
    for name in ("", ".", "/", "a/..", "a\0b"):
        with pytest.raises(ValueError, match="leads out"):
            safe_parts(name)
