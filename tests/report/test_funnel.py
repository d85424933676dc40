"""The funnel adds up, and says so when it does not."""

from __future__ import annotations

import shutil
from pathlib import Path

from radtune.report.funnel import Stage, read_funnel, read_question_yield
from radtune.report.read_run import read_run


def test_every_counted_step_adds_up(run_folder: Path) -> None:
    stages = {stage.title: stage for stage in read_funnel(read_run(run_folder))}
    counted = [stage for stage in stages.values() if stage.rows_in is not None]
    assert len(counted) >= 12
    for stage in counted:
        assert stage.rows_in == stage.rows_out + stage.rows_dropped, stage.title
        assert stage.unaccounted == 0
    images = stages["Standardise images"]
    assert (images.rows_in, images.rows_out, images.dropped) == (60, 59, {"unreadable": 1}), "shards are summed up"
    assert len(images.anchors) == 4


def test_reasons_and_examples_come_from_footer_and_quarantine(run_folder: Path) -> None:
    stages = {stage.title: stage for stage in read_funnel(read_run(run_folder))}
    captions = stages["Read image–caption pairs"]
    assert list(captions.dropped.items()) == [("missing_image", 2), ("empty_caption", 1)]
    assert [example["item_id"] for example in captions.examples["missing_image"]] == ["lost_1", "lost_2"]
    sample = stages["Make the sample data set"]
    assert sample.dropped == {"too_small": 1}, "counted in the quarantine where the footer has no count"
    assert sample.kept_share is None


def test_steps_come_in_the_order_of_the_flow_and_only_if_they_ran(run_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(run_folder / "datasets", tmp_path / "datasets")
    shutil.copytree(run_folder / "mixes", tmp_path / "mixes")
    titles = [stage.title for stage in read_funnel(read_run(tmp_path))]
    assert titles == ["Make the sample data set", "Read image–caption pairs", "Read the concept table", "Build the mix captions"]


def test_lost_rows_are_named() -> None:
    lost = Stage("step", rows_in=10, rows_out=6, dropped={"a": 1})
    assert lost.unaccounted == 3
    assert lost.kept_share == 0.6
    many = Stage("step", rows_in=10, rows_out=30, dropped={"a": 5})
    assert many.unaccounted == 0
    assert many.kept_share == 0.5
    assert Stage("step", rows_in=0, rows_out=0).kept_share is None


def test_question_yield_counts_every_pair_and_reason(run_folder: Path) -> None:
    verdicts = {verdict.reason: verdict for verdict in read_question_yield(read_run(run_folder), seed=3)}
    assert {reason: verdict.pairs for reason, verdict in verdicts.items()} == {
        "": 20,
        "not_supported": 20,
        "leaks_answer": 10,
        "no_pair": 10,
        "duplicate": 10,
    }
    assert next(iter(verdicts)) == ""
    assert verdicts[""].share == 20 / 60
    assert all(pair["accepted"] for pair in verdicts[""].examples)
    assert all("leaks_answer" in pair["reasons"] for pair in verdicts["leaks_answer"].examples)
    again = {verdict.reason: verdict for verdict in read_question_yield(read_run(run_folder), seed=3)}
    assert again == verdicts
