"""The audit names what is altered, missing, stale or does not add up, and is silent where nothing is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from radtune.artifacts.audit import audit_run, kind_by_name
from radtune.artifacts.digests import file_digest
from radtune.artifacts.io import write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.provenance import provenance
from radtune.config.images import ImageSettings
from radtune.errors import ArtifactError

STEP = "radtune.artifacts.audit"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two artifacts, a source image and a product."""
    monkeypatch.chdir(tmp_path)
    run = Path("results/small")
    image = Path("data/a.jpg")
    image.parent.mkdir()
    image.write_bytes(b"jpeg")
    captions = dict.fromkeys(CAPTIONS.schema.names) | {
        "item_id": "a", "image_path": str(image), "image_sha256": file_digest(image), "caption": "CT of the head.",
    }  # fmt: skip
    write(run / "captions.parquet", CAPTIONS, [captions], provenance(STEP, ImageSettings(), 0, {}), rows_in=1)
    weights = run / "weights.bin"
    weights.write_bytes(b"weights")
    label = dict.fromkeys(MODALITY_LABELS.schema.names) | {"item_id": "a", "label": "CT"}
    made = provenance(STEP, ImageSettings(), 0, {"captions": run / "captions.parquet"}, products={"weights": weights})
    write(run / "labels.parquet", MODALITY_LABELS, [label], made, rows_in=1)
    return run


def verdicts(run: Path) -> set[tuple[str, str]]:
    return {(finding.verdict, Path(finding.path).name) for finding in audit_run(run).findings}


def test_untouched_run_has_no_findings(run: Path) -> None:
    report = audit_run(run)
    assert report.findings == []
    assert (report.artifacts, report.files) == (2, 2)


def test_moved_run_has_no_findings(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(run.parent, moved / "results")
    shutil.copytree("data", moved / "data")
    monkeypatch.chdir("/")
    assert audit_run(moved / "results/small").findings == []


def test_altered_rows(run: Path) -> None:
    path = run / "labels.parquet"
    table = pq.read_table(path)
    footer = pq.read_metadata(path).metadata
    forged = table.set_column(2, table.schema.field(2), [["MRI"]]).replace_schema_metadata(footer)
    pq.write_table(forged, path)
    assert verdicts(run) == {("altered", "labels.parquet")}


def test_flipped_byte(run: Path) -> None:
    path = run / "labels.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)
    assert ("altered", "labels.parquet") in verdicts(run)


def test_altered_and_missing_source_image(run: Path) -> None:
    Path("data/a.jpg").write_bytes(b"other")
    assert verdicts(run) == {("altered", "a.jpg")}
    Path("data/a.jpg").unlink()
    assert verdicts(run) == {("missing", "a.jpg")}


def test_altered_product(run: Path) -> None:
    (run / "weights.bin").write_bytes(b"other weights")
    assert verdicts(run) == {("altered", "weights.bin")}


def test_missing_input(run: Path) -> None:
    (run / "captions.parquet").unlink()
    assert verdicts(run) == {("missing", "labels.parquet")}


def test_stale_input(run: Path) -> None:
    other = dict.fromkeys(CAPTIONS.schema.names) | {"item_id": "b", "image_path": "data/a.jpg"}
    other["image_sha256"] = file_digest(Path("data/a.jpg"))
    write(run / "captions.parquet", CAPTIONS, [other], provenance(STEP, ImageSettings(), 0, {}))
    assert verdicts(run) == {("stale", "labels.parquet")}


def test_sums_that_do_not_add_up(run: Path) -> None:
    label = dict.fromkeys(MODALITY_LABELS.schema.names) | {"item_id": "a"}
    write(run / "more.parquet", MODALITY_LABELS, [label], provenance(STEP, ImageSettings(), 0, {}), rows_in=5, dropped={"x": 1})
    assert verdicts(run) == {("sums", "more.parquet")}


def dropping(run: Path, reasons: list[str]) -> None:
    """Write labels of which two rows were dropped for ``no_image``, and a quarantine with rows of ``reasons``."""
    quarantine = run / "labels_quarantine.parquet"
    made = provenance(STEP, ImageSettings(), 0, {})
    rows = [{"item_id": str(number), "step": STEP, "reason": reason, "detail": ""} for number, reason in enumerate(reasons)]
    write(quarantine, QUARANTINE, rows, made)
    label = dict.fromkeys(MODALITY_LABELS.schema.names) | {"item_id": "a"}
    write(run / "labels.parquet", MODALITY_LABELS, [label], made, 3, {"no_image": 2}, quarantine)


def test_dropped_rows_stand_in_quarantine(run: Path) -> None:
    dropping(run, ["no_image", "only_noted", "no_image"])
    assert verdicts(run) == set()


def test_dropped_row_without_one_in_quarantine(run: Path) -> None:
    dropping(run, ["no_image", "other"])
    assert verdicts(run) == {("sums", "labels_quarantine.parquet")}


def test_quarantine_that_is_gone(run: Path) -> None:
    dropping(run, ["no_image", "no_image"])
    (run / "labels_quarantine.parquet").unlink()
    assert verdicts(run) == {("missing", "labels.parquet")}


def test_rows_that_no_shard_takes_in(run: Path) -> None:
    """The labels take in one row of captions that hold two."""
    row = dict.fromkeys(CAPTIONS.schema.names) | {"image_path": "data/a.jpg", "image_sha256": file_digest(Path("data/a.jpg"))}
    origin = provenance(STEP, ImageSettings(), 0, {})
    write(run / "captions.parquet", CAPTIONS, [row | {"item_id": name} for name in "ab"], origin, rows_in=2)
    label = dict.fromkeys(MODALITY_LABELS.schema.names) | {"item_id": "a"}
    made = provenance(STEP, ImageSettings(), 0, {"captions": [run / "captions.parquet"]})
    write(run / "labels.parquet", MODALITY_LABELS, [label], made, rows_in=1)
    assert verdicts(run) == {("sums", "modality_labels")}
    write(run / "labels.parquet", MODALITY_LABELS, [label], made)
    assert verdicts(run) == set(), "an artifact that counts no rows says nothing of them"


def test_every_kind_is_found_by_its_name() -> None:
    import radtune.artifacts.kinds as kinds

    names = sorted(path.stem for path in Path(kinds.__file__).parent.glob("[a-z]*.py"))
    assert len(names) > 15
    for name in names:
        assert kind_by_name(name).name == name
    with pytest.raises(ArtifactError, match="no kind of artifact"):
        kind_by_name("nonsense")
