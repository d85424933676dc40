"""Artifacts are written whole or not at all, checked on reading, and digested by content."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radtune.artifacts.io import (
    ArtifactWriter,
    atomic_path,
    content_digest,
    count_by,
    read,
    read_batches,
    read_footer,
    read_rows,
    write,
)
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.kinds.images import IMAGES
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.kinds.training_log import TRAINING_LOG
from radtune.artifacts.provenance import Provenance, provenance
from radtune.config.images import ImageSettings
from radtune.errors import ArtifactError

ROWS = [
    {"cui": "C0040405", "name": "X-Ray Computed Tomography", "type_ids": ["T060"]},
    {"cui": "C0024485", "name": "Magnetic Resonance Imaging", "type_ids": []},
]


@pytest.fixture
def made(tmp_path: Path) -> Provenance:
    source = tmp_path / "source.csv"
    source.write_text("CUI,Canonical name\n")
    return provenance("radtune.artifacts.audit", ImageSettings(), 7, {"table": source})


def test_rows_come_back_as_written(tmp_path: Path, made: Provenance) -> None:
    path = tmp_path / "concepts.parquet"
    write(path, CONCEPTS, ROWS, made, rows_in=3, dropped={"no_name": 1})
    assert read_rows(path, CONCEPTS) == ROWS
    assert read(path, CONCEPTS, ["cui"]).column_names == ["cui"]
    footer = read_footer(path)
    assert (footer["kind"], footer["rows_in"], footer["rows_out"], footer["dropped"]) == ("concepts", 3, 2, {"no_name": 1})
    assert footer["seed"] == 7
    assert footer["settings"]["size"] == ImageSettings().size
    assert footer["content_digest"] == content_digest(path, CONCEPTS)
    assert [entry.name for entry in tmp_path.iterdir() if "tmp" in entry.name] == []


@settings(max_examples=25, deadline=None)
@given(names=st.lists(st.text(max_size=20) | st.none(), max_size=40), size=st.integers(1, 7))
def test_digest_does_not_depend_on_row_groups(
    tmp_path_factory: pytest.TempPathFactory, names: list[str | None], size: int
) -> None:
    folder = tmp_path_factory.mktemp("digest")
    rows = [{"cui": f"C{index:07d}", "name": name, "type_ids": [str(name)] * (index % 3)} for index, name in enumerate(names)]
    empty = provenance("radtune.artifacts.audit", ImageSettings(), 0, {})
    small = type(CONCEPTS)(name="concepts", version=1, schema=CONCEPTS.schema, key=("cui",), row_group_size=size)
    write(folder / "a.parquet", CONCEPTS, rows, empty)
    write(folder / "b.parquet", small, rows, empty)
    assert read_footer(folder / "a.parquet")["content_digest"] == read_footer(folder / "b.parquet")["content_digest"]
    assert content_digest(folder / "b.parquet", CONCEPTS) == content_digest(folder / "a.parquet", CONCEPTS)


def test_digest_sees_every_cell_but_volatile_ones(tmp_path: Path, made: Provenance) -> None:
    row = dict.fromkeys(TRAINING_LOG.schema.names) | {"step": 1, "event": "train", "loss": 2.5, "seconds": 1.0}
    digests = {}
    for name, change in {"as is": {}, "slower": {"seconds": 9.0}, "other loss": {"loss": 2.25}}.items():
        write(tmp_path / "log.parquet", TRAINING_LOG, [row | change], made)
        digests[name] = read_footer(tmp_path / "log.parquet")["content_digest"]
    assert digests["as is"] == digests["slower"] != digests["other loss"]


def test_images_lie_uncompressed_in_the_hugging_face_layout(tmp_path: Path, made: Provenance) -> None:
    row = dict.fromkeys(IMAGES.schema.names) | {"item_id": "a", "image": {"bytes": b"\xff\xd8" * 400, "path": "a.jpg"}}
    write(tmp_path / "images.parquet", IMAGES, [row], made)
    group = pq.ParquetFile(tmp_path / "images.parquet").metadata.row_group(0)
    columns = {group.column(index).path_in_schema: group.column(index) for index in range(group.num_columns)}
    assert columns["image.bytes"].compression == "UNCOMPRESSED"
    assert columns["image.bytes"].statistics is None
    assert read_rows(tmp_path / "images.parquet", IMAGES)[0]["image"]["bytes"] == row["image"]["bytes"]


def test_a_failure_leaves_no_file(tmp_path: Path, made: Provenance) -> None:
    path = tmp_path / "concepts.parquet"

    def failing():  # type: ignore[no-untyped-def]
        yield ROWS[0]
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        write(path, CONCEPTS, failing(), made)
    assert [entry.name for entry in tmp_path.iterdir()] == ["source.csv"]


def test_a_failure_leaves_the_older_file(tmp_path: Path, made: Provenance) -> None:
    path = tmp_path / "concepts.parquet"
    write(path, CONCEPTS, ROWS, made)
    with pytest.raises(ArtifactError, match="does not fit the schema"):
        write(path, CONCEPTS, [{"cui": "C1"}], made)
    assert read_rows(path, CONCEPTS) == ROWS


def test_full_disk_is_one_clear_error(tmp_path: Path, made: Provenance) -> None:
    # A file-size limit makes the kernel refuse the write in the middle, as a full disk does.
    program = f"""
import resource, signal
from pathlib import Path
from radtune.artifacts.io import write
from radtune.artifacts.kinds.images import IMAGES
from radtune.artifacts.provenance import provenance
from radtune.config.images import ImageSettings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
row = dict.fromkeys(IMAGES.schema.names)
rows = [row | {{"item_id": str(index), "image": {{"bytes": bytes(40_000), "path": "x"}}}} for index in range(100)]
write(Path({str(tmp_path / "images.parquet")!r}), IMAGES, rows, provenance("radtune.artifacts.audit", ImageSettings(), 0, {{}}))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "images.parquet: cannot be written" in result.stderr
    assert "free disk space" in result.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["source.csv"]


def test_kill_leaves_no_artifact(tmp_path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from radtune.artifacts.io import atomic_path
with atomic_path(Path({str(tmp_path / "a.bin")!r})) as temporary:
    temporary.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert not (tmp_path / "a.bin").exists()


def test_atomic_path_replaces_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder/a.txt"
    for text in ("one", "two"):
        with atomic_path(target) as temporary:
            temporary.write_text(text)
    assert target.read_text() == "two"
    assert os.listdir(target.parent) == ["a.txt"]


def test_wrong_kind_version_and_schema_are_named(tmp_path: Path, made: Provenance) -> None:
    path = tmp_path / "concepts.parquet"
    write(path, CONCEPTS, ROWS, made)
    with pytest.raises(ArtifactError, match="holds concepts, expected quarantine"):
        read(path, QUARANTINE)
    changed = type(CONCEPTS)(name="concepts", version=1, schema=CONCEPTS.schema.set(1, pa.field("name", pa.int64())))
    with pytest.raises(ArtifactError, match="name: string here, int64 expected"):
        read(path, changed)
    newer = type(CONCEPTS)(name="concepts", version=2, schema=CONCEPTS.schema)
    with pytest.raises(ArtifactError, match="schema version 1, expected 2"):
        read(path, newer)


def test_foreign_and_missing_files_are_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "foreign.parquet")
    (tmp_path / "text.parquet").write_text("not parquet")
    with pytest.raises(ArtifactError, match="no radtune footer"):
        read_footer(tmp_path / "foreign.parquet")
    with pytest.raises(ArtifactError, match="not a readable Parquet file"):
        read_footer(tmp_path / "text.parquet")
    with pytest.raises(ArtifactError, match="missing"):
        read_footer(tmp_path / "absent.parquet")


def test_repeated_key_is_refused(tmp_path: Path, made: Provenance) -> None:
    with pytest.raises(ArtifactError, match="two rows with the same cui"):
        write(tmp_path / "concepts.parquet", CONCEPTS, [ROWS[0], ROWS[0]], made)


def test_batches_hold_one_row_group_each(tmp_path: Path, made: Provenance) -> None:
    row = dict.fromkeys(IMAGES.schema.names)
    with ArtifactWriter(tmp_path / "images.parquet", IMAGES, made) as writer:
        for index in range(70):
            writer.write_rows([row | {"item_id": str(index)}])
    assert [batch.num_rows for batch in read_batches(tmp_path / "images.parquet", IMAGES)] == [16, 16, 16, 16, 6]


def test_reading_in_batches_holds_no_more_than_a_few_row_groups(tmp_path: Path, made: Provenance) -> None:
    """100 MB of images in row groups of 2 MB; the peak of a process of its own is taken before and after."""
    path = tmp_path / "images.parquet"
    empty = dict.fromkeys(IMAGES.schema.names)
    rows = (empty | {"item_id": str(number), "image": {"bytes": os.urandom(128_000), "path": "x"}} for number in range(800))
    write(path, IMAGES, rows, made)
    script = """
import sys
from pathlib import Path
from radtune.artifacts.io import read_batches
from radtune.artifacts.kinds.images import IMAGES

def peak_mb():
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) // 1024

next(read_batches(Path(sys.argv[1]), IMAGES))
before = peak_mb()
assert sum(batch.num_rows for batch in read_batches(Path(sys.argv[1]), IMAGES)) == 800
print(peak_mb() - before)
"""
    result = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert int(result.stdout) < 40


def test_count_by(tmp_path: Path) -> None:
    assert count_by(pa.table({"reason": ["b", "a", "b"]}), "reason") == {"a": 1, "b": 2}
