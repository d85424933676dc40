"""How much of a job is done, from real artifacts of a small data set."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from radtune.artifacts.io import write
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.artifacts.layout import Layout
from radtune.config.load import load_config
from radtune.config.run import RadtuneConfig
from radtune.errors import ArtifactError
from radtune.inference.partial import partial_folder, save_batch
from radtune.inference.rows import batches_of_shard
from radtune.models.family import Generated
from radtune.training.checkpoints import Checkpoints
from radtune.training.progress import Progress
from radtune.workflow.amounts import Amount, amount_of
from radtune.workflow.jobs import Job, jobs_of
from training.tiny_world import MADE_BY_HAND, make_world

ROOT = Path(__file__).resolve().parents[2]
OVERLAY = """
systems: [visiongpt2]
models:
  visiongpt2:
    training: {mix: captions, epochs: 3, batch_size: 2, accumulation: 2}
    generation: {batch_size: 2, shards: 2, tasks: [caption]}
"""


@pytest.fixture
def config(tmp_path: Path) -> RadtuneConfig:
    (tmp_path / "overlay.yaml").write_text(OVERLAY)
    return load_config([ROOT / "config.yaml", ROOT / "workflow/runs/sample.yaml", tmp_path / "overlay.yaml"])


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "results/r")


@pytest.fixture
def jobs(config: RadtuneConfig, layout: Layout) -> dict[str, Job]:
    return {job.log.stem: job for job in jobs_of(config, layout)}


def put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def test_a_training_counts_from_its_newest_checkpoint(config: RadtuneConfig, layout: Layout, jobs: dict[str, Job]) -> None:
    job = jobs["train_visiongpt2"]
    assert amount_of(job, False, config, layout) == Amount(0, None, "steps")
    world = make_world(layout.run)
    put(world.mix, layout.mix("captions"))
    assert amount_of(job, False, config, layout) == Amount(0, 15, "steps", 0.0)  # 20 rows, 4 a step, 3 times
    saved = Progress(step=7, seconds=3.5)
    Checkpoints(layout.checkpoints("visiongpt2"), "f" * 64).save(saved, {"w": torch.ones(1)}, {})
    assert amount_of(job, False, config, layout) == Amount(7, 15, "steps", 1.4, 3.5)


def test_predictions_count_the_rows_of_finished_batches(config: RadtuneConfig, layout: Layout, jobs: dict[str, Job]) -> None:
    shards = [jobs[f"predict_visiongpt2-plain-{shard:05d}"] for shard in range(2)]
    assert amount_of(shards[0], False, config, layout) == Amount(0, None, "rows")
    put(make_world(layout.run).captions, layout.captions)
    expected = [sum(map(len, batches_of_shard(range(5), 2, shard, 2).values())) for shard in range(2)]  # type: ignore[arg-type]
    assert expected == [3, 2]
    assert [amount_of(job, False, config, layout) for job in shards] == [Amount(0, rows, "rows") for rows in expected]
    save_batch(partial_folder(shards[0].outputs[0]) / "mark", 0, [Generated("x", 1, "end")] * 2)
    assert amount_of(shards[0], False, config, layout) == Amount(2, 3, "rows")


def test_a_changed_file_is_read_again(config: RadtuneConfig, layout: Layout, jobs: dict[str, Job]) -> None:
    job = jobs["predict_visiongpt2-plain-00000"]
    for rows in (5, 9):
        put(make_world(layout.run, test=rows).captions, layout.captions)
        amount = amount_of(job, False, config, layout)
        assert amount is not None
        assert amount.of == (rows + 1) // 2


def test_what_is_done_counts_its_own_rows(config: RadtuneConfig, layout: Layout, jobs: dict[str, Job]) -> None:
    job = jobs["predict_visiongpt2-plain-00000"]
    write(job.outputs[0], PREDICTIONS, [], MADE_BY_HAND)
    assert amount_of(job, True, config, layout) == Amount(0, 0, "rows")
    job.outputs[0].write_bytes(b"no parquet")
    with pytest.raises(ArtifactError, match="not a readable Parquet"):
        amount_of(job, True, config, layout)


def test_other_jobs_have_no_amount(config: RadtuneConfig, layout: Layout, jobs: dict[str, Job]) -> None:
    assert amount_of(jobs["score_visiongpt2"], False, config, layout) is None
    assert amount_of(jobs["draw_random_captions"], False, config, layout) is None
