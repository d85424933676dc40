"""Two real processes train one model, as `torchrun` starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch
from safetensors.torch import load_file

from radtune.artifacts.io import content_digest, read_footer, read_rows
from radtune.artifacts.kinds.training_log import TRAINING_LOG
from radtune.config.models import AdaptationSettings
from radtune.errors import ConfigError
from radtune.training.ranks import BUCKET_NUMBERS, Ranks, _buckets, joined_ranks
from radtune.training.train import train
from training.tiny_world import ADAPTATION, SEED, TRAINING, Outputs, make_world, recipe

RECIPE = {"epochs": 6, "evaluations": 6, "patience": 6, "accumulation": 3, "checkpoint_steps": 2}
"""24 steps of up to three forward passes: one rank has two of them, and in the last step of an epoch (one pass) one has none."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


def launch(world, outputs, adaptation=ADAPTATION, **changes):
    """A training on two processes, in a session of its own."""
    outputs.folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--", "radtune"]
    command += ["--log", outputs.folder / "train.log", "training", "train", "--mix", world.mix]
    for path in world.images:
        command += ["--images", path]
    names = ("--adapter", "--training-log", "--trained-modules", "--checkpoints")
    for name, path in zip(names, outputs.arguments(), strict=True):
        command += [name, path]
    settings = recipe(**RECIPE | changes).model_copy(update={"adaptation": adaptation})
    command += ["--settings", settings.canonical(), "--seed", SEED, "--weights-cache", outputs.folder]
    return subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def log_of(outputs, rank=0):
    return (outputs.folder / ("train.log" if rank == 0 else f"train.rank{rank}.log")).read_text()


@pytest.fixture(scope="module")
def two(world, tmp_path_factory):
    """An undisturbed training on two processes."""
    outputs = Outputs(tmp_path_factory.mktemp("two"))
    assert launch(world, outputs).wait() == 0, log_of(outputs) + log_of(outputs, 1)
    return outputs


def alone(world, outputs, **changes):
    train(
        world.mix,
        world.images,
        *outputs.arguments(),
        settings=recipe(**RECIPE | changes),
        seed=SEED,
        weights_cache=outputs.folder,
    )
    return outputs


def test_two_processes_learn_what_one_learns(world, two, tmp_path):
    """Dropout included: what differs is the order in which gradients are summed."""
    one = alone(world, Outputs(tmp_path))
    expected, found = load_file(one.adapter), load_file(two.adapter)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-4, atol=1e-5, msg=name)
    rows, expected_rows = (read_rows(outputs.training_log, TRAINING_LOG) for outputs in (two, one))
    for row, expected_row in zip(rows, expected_rows, strict=True):
        for column in ("step", "event", "samples", "tokens", "learning_rate"):
            assert row[column] == expected_row[column]
        for column in ("loss", "validation_loss", "gradient_norm"):
            assert (row[column] is None) == (expected_row[column] is None)
            assert row[column] is None or row[column] == pytest.approx(expected_row[column], rel=1e-4)
    notes, expected_notes = (read_footer(outputs.training_log)["notes"] for outputs in (two, one))
    assert (notes.pop("processes"), expected_notes.pop("processes")) == (2, 1)
    assert notes == expected_notes, "the same training, whatever the number of processes"


def test_only_the_first_process_talks_and_writes(two):
    assert "24/24" in log_of(two)
    assert "24/24" not in log_of(two, 1)
    assert sorted(path.name for path in two.folder.iterdir()) == [
        "adapter.safetensors", "checkpoints", "train.log", "train.rank1.log", "trained_modules.parquet", "training_log.parquet",
    ]  # fmt: skip


def newest_step(outputs) -> int:
    return max((int(path.name[-8:]) for path in outputs.checkpoints.glob("*/step-*")), default=0)


def wait_for_step(process, outputs, step):
    while newest_step(outputs) < step:
        assert process.poll() is None, "ended before it reached the step"
        time.sleep(0.005)


def children(process) -> list[int]:
    """The processes that the launcher started, in the order of their ranks."""
    return [child.pid for child in sorted(psutil.Process(process.pid).children(), key=psutil.Process.create_time)]


def test_a_killed_process_ends_all_and_sigterm_saves_on_all_and_the_rest_gives_the_same(world, two, tmp_path):
    outputs = Outputs(tmp_path)
    process = launch(world, outputs)
    wait_for_step(process, outputs, 4)
    ranks = children(process)
    assert len(ranks) == 2
    os.kill(ranks[1], signal.SIGKILL)
    assert process.wait() != 0
    assert not any(psutil.pid_exists(rank) for rank in ranks)
    killed_at = newest_step(outputs)
    assert 4 <= killed_at < 24
    assert not outputs.adapter.exists()

    process = launch(world, outputs)
    wait_for_step(process, outputs, killed_at + 2)
    process.terminate()
    assert process.wait() != 0  # the launcher's own code; each process exits with 75
    for rank in range(2):
        assert "the state is saved" in log_of(outputs, rank)
        assert "Traceback" not in log_of(outputs, rank)
    stopped_at = newest_step(outputs)
    assert killed_at + 2 <= stopped_at < 24
    assert not outputs.adapter.exists()

    assert launch(world, outputs).wait() == 0
    assert f"resuming after step {stopped_at} of 24" in log_of(outputs)
    assert outputs.digest() == two.digest()
    assert content_digest(outputs.training_log, TRAINING_LOG) == content_digest(two.training_log, TRAINING_LOG)


def test_a_killed_launcher_is_sigterm_to_its_processes(world, tmp_path):
    """Else they would keep the GPUs that the launcher had leased."""
    outputs = Outputs(tmp_path)
    process = launch(world, outputs)
    wait_for_step(process, outputs, 4)
    ranks = [psutil.Process(rank) for rank in children(process)]
    process.kill()
    process.wait()
    assert psutil.wait_procs(ranks, timeout=60)[1] == []
    for rank in range(2):
        assert "the state is saved" in log_of(outputs, rank)
    assert 4 <= newest_step(outputs) < 24


def test_a_loss_that_is_not_a_number_on_one_process_stops_both_with_the_same_message(world, tmp_path):
    outputs = Outputs(tmp_path)
    process = launch(world, outputs, AdaptationSettings(strategy="full"), learning_rate=1e30, warmup_share=0.0)
    assert process.wait() != 0
    errors = [log[log.index("error: ") :] for log in (log_of(outputs), log_of(outputs, 1))]
    assert errors[0] == errors[1]
    assert "caption:train-" in errors[0]
    assert not outputs.adapter.exists()


def test_more_processes_than_forward_passes_in_a_step(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    with (
        pytest.raises(ConfigError, match="2 forward passes cannot be dealt out to 4 processes"),
        joined_ranks(torch.device("cpu"), TRAINING),
    ):
        pass


def test_every_forward_pass_is_somebodys():
    for passes in range(7):
        for count in range(1, 4):
            shares = [Ranks(rank, count, torch.device("cpu")).share(range(passes)) for rank in range(count)]
            assert sorted(place for share in shares for place in share) == list(range(passes))


def test_buckets_hold_everything_in_order():
    tensors = [torch.empty(size, device="meta") for size in (5, BUCKET_NUMBERS, 7, BUCKET_NUMBERS - 7, 1, 2 * BUCKET_NUMBERS, 3)]
    buckets = list(_buckets(tensors))
    assert [id(tensor) for bucket in buckets for tensor in bucket] == [id(tensor) for tensor in tensors]
    assert [len(bucket) for bucket in buckets] == [1, 1, 2, 1, 1, 1]
