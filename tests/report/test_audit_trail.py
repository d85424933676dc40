"""The audit trail links artifacts to what they were made from, and shows what changed since."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq

from radtune.artifacts.io import read_footer, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.provenance import InputRecord, Provenance
from radtune.report.audit_trail import anchor, read_audit_trail
from radtune.report.read_run import read_run


def test_every_artifact_has_a_record_and_inputs_link_to_theirs(run_folder: Path) -> None:
    records = {record.name: record for record in read_audit_trail(read_run(run_folder))}
    assert len(records) == len(list(run_folder.rglob("*.parquet")))
    assert len({anchor(name) for name in records}) == len(records)
    inputs = [entry for record in records.values() for entry in record.inputs]
    assert len(inputs) > 20
    assert all(entry.artifact in records and not entry.stale for entry in inputs)
    assert '"threads": 1' in records["datasets/captions.parquet"].settings
    assert "a note" in records["training/smolvlm_tiny/training_log.parquet"].notes


def test_records_come_in_the_order_of_the_flow(run_folder: Path) -> None:
    names = [record.name for record in read_audit_trail(read_run(run_folder))]
    for record in read_audit_trail(read_run(run_folder)):
        for entry in record.inputs:
            assert names.index(entry.artifact) < names.index(record.name), f"{entry.artifact} before {record.name}"
    assert names[:4] == [
        "datasets/sample_sources.parquet",
        "datasets/sample_quarantine.parquet",
        "datasets/captions.parquet",
        "datasets/captions_quarantine.parquet",
    ]


def test_a_moved_run_keeps_its_links(run_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(run_folder, tmp_path / "elsewhere")
    records = read_audit_trail(read_run(tmp_path / "elsewhere"))
    assert all(entry.artifact and not entry.stale for record in records for entry in record.inputs)


def test_an_input_that_changed_since_is_stale(run_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "sample"
    shutil.copytree(run_folder, run)
    path = run / "datasets/captions.parquet"
    footer = read_footer(path)
    fields = Provenance.__dataclass_fields__
    record = Provenance(**{name: footer[name] for name in fields} | {"inputs": {"other": InputRecord("a.csv", "0" * 64, None)}})
    write(path, CAPTIONS, pq.read_table(path).slice(1).replace_schema_metadata(None), record)
    records = read_audit_trail(read_run(run))
    stale = {record.name for record in records for entry in record.inputs if entry.stale}
    assert "modality/labels.parquet" in stale
    assert "benchmark/system_scores.parquet" not in stale
    (outside,) = next(record.inputs for record in records if record.name == "datasets/captions.parquet")
    assert (outside.artifact, outside.stale) == ("", False), "a file that is no artifact of the run is named, not linked"
