"""A run is read from its folder alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.mix import MIX
from radtune.artifacts.layout import BASELINE
from radtune.errors import ArtifactError
from radtune.report.data_overview import read_data_overview
from radtune.report.read_run import read_run
from radtune.report.training import read_trainings


def test_systems_arms_and_mixes_are_found(run_folder: Path) -> None:
    run = read_run(run_folder)
    assert run.systems == ("soft_prompt_smollm2", "paligemma_tiny", "smolvlm_tiny", "visiongpt2_tiny", BASELINE)
    assert run.arms("smolvlm_tiny") == ["plain", "modality"]
    assert run.mixes == ["captions"]
    assert [system for system in run.systems if run.is_pretrained(system)] == ["soft_prompt_smollm2"]


def test_systems_without_a_benchmark_are_those_with_folders(run_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(run_folder, tmp_path / "sample")
    shutil.rmtree(tmp_path / "sample/benchmark")
    shutil.rmtree(tmp_path / "sample/training/visiongpt2_tiny")
    assert set(read_run(tmp_path / "sample").systems) == set(read_run(run_folder).systems)


def test_shards_of_an_older_sharding_are_left_out(run_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(run_folder, tmp_path / "sample")
    images = tmp_path / "sample/images"
    assert [path.name for path in read_run(tmp_path / "sample").image_shards] == [
        "images-00000-of-00002.parquet",
        "images-00001-of-00002.parquet",
    ]
    for shard in (0, 1):
        (images / f"images-0000{shard}-of-00002.parquet").unlink()
    assert read_run(tmp_path / "sample").image_shards == []


def test_an_artifact_of_another_kind_is_refused(run_folder: Path) -> None:
    run = read_run(run_folder)
    with pytest.raises(ArtifactError, match="holds captions, expected mix"):
        run.rows(run.layout.captions, MIX)
    assert run.rows(run.layout.mix("absent"), MIX) == []
    assert len(run.rows(run.layout.captions, CAPTIONS)) == 60


def test_data_overview_counts_and_trusts_no_link(run_folder: Path) -> None:
    data = read_data_overview(read_run(run_folder))
    assert data is not None
    assert data.images == {"train": 30, "valid": 15, "test": 15}
    assert data.modalities["CT"] == {"test": 3, "train": 6, "valid": 3}
    assert data.clashes == 1
    assert {source.licence: source.link for source in data.sources} == {"CC-BY-4.0": "https://example.org/a", "MIT": ""}
    assert sum(source.images for source in data.sources) == sum(data.packages.values()) == 60


def test_trainings_sum_up_parameters_by_tower(run_folder: Path) -> None:
    training = read_trainings(read_run(run_folder))[0]
    assert training.trained == {"vision": 460_800, "connector": 460_800, "language": 921_600}
    assert training.parameters == 1_843_200
    assert (training.steps, training.best is not None and training.best[0]) == (120, 72)
    assert (training.mix, training.strategy) == ("captions", "targeted")
