import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radtune.errors import DataError
from radtune.metrics.submission import CONCEPTS, is_concept_file, read_submission

REFERENCES = b'ID,Caption\na,"CT, axial."\nb,MRI of the brain.\nc,Chest X-ray.\n'


def write(folder: Path, predictions: bytes, references: bytes = REFERENCES) -> tuple[Path, Path]:
    paths = folder / "p.csv", folder / "r.csv"
    for path, content in zip(paths, (predictions, references), strict=True):
        path.write_bytes(content)
    return paths


def problems(folder: Path, predictions: bytes, *, as_official: bool = False) -> list[str]:
    """The lines of the refusal, without the folder's name."""
    with pytest.raises(DataError) as refusal:
        read_submission(*write(folder, predictions), as_official=as_official)
    _, *lines = refusal.value.problem.replace(f"{folder}/", "").splitlines()
    return [line.strip() for line in lines]


def test_another_order_is_no_problem(tmp_path: Path) -> None:
    predicted, true = read_submission(*write(tmp_path, b"ID,Caption\nc,third\na,first\nb,\n"))
    assert predicted == {"a": "first", "b": "", "c": "third"}
    assert list(predicted) == list(true) == ["a", "b", "c"]
    assert true["a"] == "CT, axial."


def test_every_problem_is_listed_with_its_line(tmp_path: Path) -> None:
    content = (
        b"\xef\xbb\xbfid,caption\n"  # 1: mark, header
        b"a,one, two\n"  # 2: unquoted comma
        b"\n"  # 3: blank
        b"a,again\n"  # 4: twice
        b"b\n"  # 5: one column
        b"x,stranger\n"  # 6: unknown
        b",nobody\n"  # 7: no ID
        b'd,"the "left" lung"\n'  # 8: quotes within quotes
        b"e,caf\xe9\n"  # 9: Latin-1, and unknown
    )
    assert problems(tmp_path, content) == [
        "p.csv, line 1: begins with a byte order mark; save the file as UTF-8 without one (BOM)",
        "p.csv, line 1: the header is 'id,caption', and has to be exactly 'ID,Caption'",
        "p.csv, line 2: has 3 columns; a caption with a comma has to stand in double quotes",
        "p.csv, line 3: is blank",
        "p.csv, line 4: the ID 'a' stands in line 2 already",
        "p.csv, line 5: has one column; ID and caption are separated by a comma",
        "p.csv, line 6: the ID 'x' is not among the references",
        "p.csv, line 7: the ID is empty",
        "p.csv, line 8: a double quote within a quoted caption has to be doubled",
        "p.csv, line 9: is not valid UTF-8; save the file in that encoding",
        "p.csv, line 9: the ID 'e' is not among the references",
        "r.csv, line 4: the ID 'c' has no caption in p.csv",
    ]


def test_lines_are_counted_through_line_breaks_in_captions(tmp_path: Path) -> None:
    assert problems(tmp_path, b'ID,Caption\r\na,"two\r\nlines"\r\nb,B\r\nc,C\r\n\r\n') == ["p.csv, line 6: is blank"]


def test_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    found = problems(tmp_path, b'ID,Caption\na,A\nb,"B\nc,C\n')
    assert found[0] == "p.csv, line 3: a double quote opens here and is never closed"
    assert found[1:] == ["r.csv, line 3: the ID 'b' has no caption in p.csv", "r.csv, line 4: the ID 'c' has no caption in p.csv"]


@pytest.mark.parametrize("content", [b"", b"a,A\nb,B\nc,C\n", b"ID;Caption\n"])
def test_a_file_without_its_header(tmp_path: Path, content: bytes) -> None:
    assert "has to be exactly 'ID,Caption'" in problems(tmp_path, content)[0]


def test_the_references_are_checked_too(tmp_path: Path) -> None:
    paths = write(tmp_path, REFERENCES, REFERENCES + b"\n")
    with pytest.raises(DataError, match=r"r\.csv, line 5: is blank"):
        read_submission(*paths)


def test_what_only_the_official_check_refuses(tmp_path: Path) -> None:
    swapped = b"ID,Caption\nb,B\na,A\nc,C\n"
    broken = b'ID,Caption\na,A\nb,"B\nB"\nc,C\n'
    for content in (swapped, broken):
        read_submission(*write(tmp_path, content))
    assert problems(tmp_path, swapped, as_official=True) == ["p.csv, line 2: 'b' stands where the references have 'a'"]
    assert problems(tmp_path, broken, as_official=True) == [
        "p.csv, line 3: the caption holds a line break, which the official check takes for a new row"
    ]


def test_files_of_concepts_are_checked_by_their_own_rules(tmp_path: Path) -> None:
    content = (
        b"ID,CUIs\n"
        b"a,C0040405,C0817096\n"  # 2: commas
        b"b,C0040405;C0040405\n"  # 3: twice
        b"c,CT\n"  # 4: no CUI
        b"d," + b";".join(b"C%07d" % number for number in range(101)) + b"\n"  # 5: too many
        b"e\n"  # 6: one column
    )
    paths = write(tmp_path, content, b"ID,CUIs\n" + b"".join(b"%c,C0040405\n" % letter for letter in b"abcdef"))
    assert is_concept_file(paths[1])
    with pytest.raises(DataError) as refusal:
        read_submission(*paths, CONCEPTS)
    assert refusal.value.problem.replace(f"{tmp_path}/", "").splitlines() == [
        "6 problem(s) in the files (ID,CUIs)",
        "  p.csv, line 2: has 3 columns; concepts are separated by semicolons",
        "  p.csv, line 3: C0040405 occurs more than once",
        "  p.csv, line 4: 'CT' is not a CUI (C and seven digits)",
        "  p.csv, line 5: 101 concepts, and the task allows 100",
        "  p.csv, line 6: has one column; ID and list of concepts are separated by a comma",
        "  r.csv, line 7: the ID 'f' has no list of concepts in p.csv",
    ]
    paths = write(tmp_path, REFERENCES)
    assert not is_concept_file(paths[1])
    with pytest.raises(DataError, match="the header is 'ID,Caption', and has to be exactly 'ID,CUIs'"):
        read_submission(*paths, CONCEPTS)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_submission(tmp_path / "none.csv", tmp_path / "none.csv")
    with pytest.raises(DataError, match="cannot be read: No such file"):
        is_concept_file(tmp_path / "none.csv")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1).filter(str.strip),
        st.text(st.characters(codec="utf-8")),
        min_size=1,
    )
)
def test_what_the_csv_module_writes_is_read_back(tmp_path: Path, captions: dict[str, str]) -> None:
    path = tmp_path / "captions.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([("ID", "Caption"), *captions.items()])
    assert read_submission(path, path) == (captions, captions)
