from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from radtune.config.datasets import SourceSettings
from radtune.datasets.source import Source, is_cui
from radtune.errors import DataError
from small_data_set import write_image


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "set").mkdir()
    return Source(tmp_path / "set", SourceSettings(), tmp_path / "unpacked")


def test_rows_have_the_line_on_which_they_begin(source: Source) -> None:
    (source.folder / "a.csv").write_bytes(b'\xef\xbb\xbfID,Caption\r\n1,"two\r\nlines"\r\n\r\n2,"said ""x"", then y"\r\n')
    assert list(source.rows("a.csv", ("ID",))) == [
        ("a.csv, line 2", {"ID": "1", "Caption": "two\r\nlines"}),
        ("a.csv, line 5", {"ID": "2", "Caption": 'said "x", then y'}),
    ]
    assert [(place, reason) for place, reason, _ in source.noted] == [("a.csv, line 4", "blank_line")]
    assert source.files == {"a.csv": source.folder / "a.csv"}


def test_tables_may_be_gzipped_without_header_without_quotes_and_spelt_otherwise(source: Source) -> None:
    (source.folder / "a.txt.gz").write_bytes(gzip.compress(b'1|"open\n'))
    rows = source.rows("a.txt.gz", ("id",), delimiter="|", header=("Number", "text"), quoted=False, rename={"Number": "id"})
    assert list(rows) == [("a.txt.gz, line 1", {"id": "1", "text": '"open'})]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"id,text\na,b\n", "header is id,text, expected ID,Caption"),
        (b"ID,Caption,ID\na,b,c\n", "header is ID,Caption,ID, expected ID,Caption, each once"),
        (b"", "header is absent"),
        (b"ID,Caption\n1,one\n2,two,three\n", "line 3: not 2 fields as in the header but 3"),
        (b"ID,Caption\n1\n", "line 2: not 2 fields as in the header but 1"),
        (b"ID,Caption\n1,one\n2,caf\xe9\n", "line 3: not UTF-8"),
        (b'ID,Caption\n1,one\n2,"never closed\n3,three\n', "line 3: cannot be read as a table: unexpected end of data"),
        (b'ID,Caption\n1,"a"b\n', "line 2: cannot be read as a table: ',' expected after '\"'"),
        (b"ID,Caption\n1," + b"x" * 200_000 + b"\n", "line 2: cannot be read as a table: field larger than field limit"),
    ],
)
def test_what_is_no_table_is_one_error_with_the_line(source: Source, content: bytes, says: str) -> None:
    (source.folder / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=says):
        list(source.rows("a.csv", ("ID", "Caption")))


def test_what_cannot_be_read_is_one_error(source: Source) -> None:
    (source.folder / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"folder\.csv: cannot be read: Is a directory"):
        list(source.rows("folder.csv"))
    (source.folder / "cut.csv.gz").write_bytes(gzip.compress(b"ID\n" * 1000)[:-20])
    with pytest.raises(DataError, match="a damaged archive"):
        list(source.rows("cut.csv.gz"))
    (source.folder / "none.csv.gz").write_bytes(b"ID\n1\n")
    with pytest.raises(DataError, match="a damaged archive"):
        list(source.lines("none.csv.gz"))
    (source.folder / "a.json").write_bytes(b"[1, 2")
    with pytest.raises(DataError, match=r"a\.json: no JSON"):
        source.json("a.json")


def test_lines_come_without_their_ends(source: Source) -> None:
    (source.folder / "a.txt").write_bytes(b"a\tb\r\n \n c\n")
    assert list(source.lines("a.txt")) == [("a.txt, line 1", "a\tb"), ("a.txt, line 3", " c")]
    assert [(place, reason) for place, reason, _ in source.noted] == [("a.txt, line 2", "blank_line")]


def test_names_do_not_lead_out_of_the_folder_but_links_do(source: Source, tmp_path: Path) -> None:
    write_image(tmp_path / "outside.png", 1)
    write_image(source.folder / "own/inside.png", 2)
    (source.folder / "link.png").symlink_to(tmp_path / "outside.png")
    (source.folder / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    (source.folder / "loop.png").symlink_to(source.folder / "loop.png")
    assert source.inside("own/inside.png") == source.folder / "own/inside.png"
    assert source.inside("link.png") == source.folder / "link.png"
    outside = ["../outside.png", "own/../../outside.png", str(tmp_path / "outside.png")]
    for name in [*outside, "dangling.png", "loop.png", "own", "", "a\0b", "x" * 5000]:
        assert source.inside(name) is None, name


def test_image_index_takes_the_first_of_two_and_follows_links(source: Source, tmp_path: Path) -> None:
    write_image(tmp_path / "elsewhere/c.png", 3)
    for name in ("train/a.png", "train/b.jpg", "a.jpg"):
        write_image(source.folder / "images" / name, 1)
    (source.folder / "images/linked").symlink_to(tmp_path / "elsewhere")
    (source.folder / "images/gone.png").symlink_to(tmp_path / "nowhere.png")
    (source.folder / "images/notes.txt").write_text("no image")
    found = source.image_index("images")
    assert {stem: str(path.relative_to(source.folder)) for stem, path in found.items()} == {
        "a": "images/a.jpg",
        "b": "images/train/b.jpg",
        "c": "images/linked/c.png",
    }
    assert [(stem, reason) for stem, reason, _ in source.noted] == [("a", "second_image")]
    with pytest.raises(DataError, match=r"a\.jpg: cannot be listed: Not a directory"):
        source.image_index("images/a.jpg")


@pytest.mark.parametrize("text", ["C0040405"])
def test_cuis(text: str) -> None:
    assert is_cui(text)


@pytest.mark.parametrize("text", ["", "C004040", "C00404055", "c0040405", "C0040405 ", "C0040405\n", "T046", "C٠٠٤٠٤٠٥"])
def test_what_is_no_cui(text: str) -> None:
    assert not is_cui(text)
