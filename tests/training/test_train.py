from __future__ import annotations

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from safetensors.torch import load_file

from radtune.artifacts.io import check_kind, content_digest, read_footer, read_rows
from radtune.artifacts.kinds.trained_modules import TRAINED_MODULES
from radtune.artifacts.kinds.training_log import TRAINING_LOG
from radtune.config.models import AdaptationSettings, TrainStep
from radtune.errors import EXIT_SAVED, DataError, RadtuneError
from radtune.models.load import load_model
from radtune.training.adapter_file import read_adapter_metadata
from radtune.training.folder_lock import locked
from radtune.training.termination import Stopped
from radtune.training.train import train
from training.tiny_world import ADAPTATION, BUILD, SEED, Outputs, make_world, recipe

LONG = {"epochs": 24, "evaluations": 10, "patience": 10, "checkpoint_steps": 3}
"""120 steps: long enough to be killed in the middle."""


FULL = AdaptationSettings(strategy="full")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


def run(world, outputs, seed=SEED, lock_wait_seconds=1.0, adaptation=ADAPTATION, scratch=None, **changes):
    train(
        world.mix,
        world.images,
        *outputs.arguments(),
        settings=recipe(**changes).model_copy(update={"adaptation": adaptation}),
        seed=seed,
        weights_cache=outputs.folder,
        scratch=scratch,
        lock_wait_seconds=lock_wait_seconds,
    )
    return outputs


@pytest.fixture(scope="module")
def undisturbed(world, tmp_path_factory):
    """A whole long training in this process."""
    return run(world, Outputs(tmp_path_factory.mktemp("undisturbed")), **LONG)


def start(world, outputs, **changes):
    """The same training by its command, in a process of its own."""
    command = [sys.executable, "-m", "radtune", "training", "train", "--mix", world.mix]
    for path in world.images:
        command += ["--images", path]
    names = ("--adapter", "--training-log", "--trained-modules", "--checkpoints")
    for name, path in zip(names, outputs.arguments(), strict=True):
        command += [name, path]
    command += ["--settings", recipe(**changes).canonical(), "--seed", SEED, "--weights-cache", outputs.folder]
    outputs.folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [str(part) for part in command], stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


def newest_step(outputs) -> int:
    return max((int(path.name[-8:]) for path in outputs.checkpoints.glob("*/step-*")), default=0)


def wait_for_step(process, outputs, step):
    while newest_step(outputs) < step:
        assert process.poll() is None, "ended before it reached the step"
        time.sleep(0.005)


def stop_at(outputs, step):
    """Send SIGTERM to this process as soon as the training in it has saved a state after ``step`` steps."""

    def watch():
        while newest_step(outputs) < step:
            time.sleep(0.002)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def assert_cleared(outputs):
    assert list(outputs.checkpoints.iterdir()) == []


def assert_same(outputs: Outputs, expected: Outputs):
    assert outputs.digest() == expected.digest()
    assert content_digest(outputs.training_log, TRAINING_LOG) == content_digest(expected.training_log, TRAINING_LOG)
    assert content_digest(outputs.trained_modules, TRAINED_MODULES) == content_digest(expected.trained_modules, TRAINED_MODULES)


def test_the_loss_falls_and_the_best_state_is_kept(world, tmp_path):
    outputs = run(world, Outputs(tmp_path), adaptation=FULL, epochs=10)
    log = read_rows(outputs.training_log, TRAINING_LOG)
    losses = [row["loss"] for row in log if row["event"] == "train"]
    evaluations = {row["step"]: row["validation_loss"] for row in log if row["event"] == "evaluation"}
    assert losses[-1] < 0.5 * losses[0]
    notes = read_footer(outputs.training_log)["notes"]
    assert evaluations[notes["best_step"]] == min(evaluations.values())
    assert notes["kept"] == "best"
    assert notes["device"] in {"cpu", "cuda"}
    assert_cleared(outputs)


def test_log_rows_add_up(undisturbed):
    log = read_rows(undisturbed.training_log, TRAINING_LOG)
    steps = [row for row in log if row["event"] == "train"]
    assert [row["step"] for row in steps] == list(range(1, 121))
    assert steps[-1]["samples"] == 24 * 20
    assert steps[-1]["epoch"] == pytest.approx(24)
    for column in ("samples", "tokens", "seconds"):
        values = [row[column] for row in log]
        assert values == sorted(values)
    assert all(row["gradient_norm"] > 0 and row["loss"] > 0 for row in steps)
    assert max(row["learning_rate"] for row in steps) == pytest.approx(5e-3)
    assert len(log) - len(steps) == 10


def test_the_adapter_says_how_it_was_made_and_its_digest_is_recorded(undisturbed):
    metadata = read_adapter_metadata(undisturbed.adapter)
    assert metadata.settings == recipe(**LONG)
    assert metadata.seed == SEED
    footer = read_footer(undisturbed.trained_modules)
    assert footer["products"] == {str(undisturbed.adapter): undisturbed.digest()}
    assert footer["notes"]["fingerprint"] == metadata.fingerprint
    rows = read_rows(undisturbed.trained_modules, TRAINED_MODULES)
    assert sum(row["parameters"] for row in rows) == sum(tensor.numel() for tensor in load_file(undisturbed.adapter).values())


def test_killed_at_random_moments_it_ends_the_same(world, undisturbed, tmp_path):
    outputs, moments = Outputs(tmp_path), random.Random(SEED)
    for reached in (3, 60):
        process = start(world, outputs, **LONG)
        wait_for_step(process, outputs, reached)
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not outputs.adapter.exists()
    assert newest_step(outputs) >= 60
    run(world, outputs, **LONG)
    assert_same(outputs, undisturbed)


def test_sigterm_saves_exits_75_and_the_same_command_goes_on(world, undisturbed, tmp_path):
    outputs = Outputs(tmp_path)
    process = start(
        world,
        outputs,
        **LONG,
    )
    wait_for_step(process, outputs, 6)
    process.terminate()
    _, errors = process.communicate()
    assert process.returncode == EXIT_SAVED, errors
    assert "the state is saved" in errors
    assert "Traceback" not in errors
    assert not outputs.adapter.exists()
    run(world, outputs, **LONG)
    assert_same(outputs, undisturbed)


def test_a_changed_recipe_starts_anew_and_clears_what_is_left_of_the_old(world, tmp_path):
    outputs = Outputs(tmp_path / "disturbed")
    stop_at(outputs, 3)
    with pytest.raises(Stopped):
        run(world, outputs, **LONG)
    assert newest_step(outputs) >= 3
    run(world, outputs, learning_rate=1e-3)
    assert_same(outputs, run(world, Outputs(tmp_path / "clean"), learning_rate=1e-3))
    assert_cleared(outputs)


@pytest.mark.parametrize("changes", [{"precision": "bfloat16"}, {"schedule": "onecycle"}, {"schedule": "plateau"}])
def test_every_kind_of_state_resumes_exactly(world, tmp_path, changes):
    whole = run(world, Outputs(tmp_path / "whole"), **changes, epochs=5)
    outputs = Outputs(tmp_path / "cut")
    stop_at(outputs, 12)
    with pytest.raises(Stopped):
        run(world, outputs, **changes, epochs=5)
    run(world, outputs, **changes, epochs=5)
    assert_same(outputs, whole)


def test_images_copied_to_the_nodes_disk_teach_the_same_and_the_shards_are_named(world, tmp_path):
    plain = run(world, Outputs(tmp_path / "plain"))
    staged = run(world, Outputs(tmp_path / "staged"), scratch=str(tmp_path / "scratch"))
    assert len(list((tmp_path / "scratch").rglob("images/*.parquet"))) == len(world.images)
    assert_same(staged, plain)
    assert read_footer(staged.training_log)["inputs"] == read_footer(plain.training_log)["inputs"]


def test_recomputed_activations_change_nothing(world, tmp_path):
    stored, recomputed = (
        run(world, Outputs(tmp_path / name), epochs=1, activation_checkpointing=name == "recomputed")
        for name in ("stored", "recomputed")
    )
    expected, found = load_file(stored.adapter), load_file(recomputed.adapter)
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_adapters_of_four_bit_weights_learn_and_resume_exactly(world, tmp_path):
    model = load_model(BUILD, weights_cache=tmp_path, seed=SEED, precision="float32")
    model.network.save_pretrained(tmp_path / "checkpoint")
    model.tokenizer.save_pretrained(tmp_path / "checkpoint")
    source = {"sources": {"model": f"path:{tmp_path / 'checkpoint'}"}, "options": {}, "quantisation": "nf4"}
    settings = TrainStep(
        build=BUILD.model_copy(update=source),
        adaptation=AdaptationSettings(strategy="extended", rank=8, alpha=16, dropout=0.1),
        training=recipe(epochs=5, learning_rate=2e-2, precision="bfloat16").training,
    )
    whole, cut = Outputs(tmp_path / "whole"), Outputs(tmp_path / "cut")

    def go(outputs):
        train(world.mix, world.images, *outputs.arguments(), settings=settings, seed=SEED, weights_cache=tmp_path)

    go(whole)
    losses = {row["step"]: row["loss"] for row in read_rows(whole.training_log, TRAINING_LOG) if row["event"] == "train"}
    assert losses[25] < losses[1] - 0.1
    assert all(".lora_" in name for name in load_file(whole.adapter))
    stop_at(cut, 12)
    with pytest.raises(Stopped):
        go(cut)
    go(cut)
    assert_same(cut, whole)


def test_early_stopping_after_patience_evaluations_without_a_better_loss(world, tmp_path):
    # Twenty captions are soon learnt by heart; from then on the validation loss climbs.
    outputs = run(
        world, Outputs(tmp_path), adaptation=FULL, epochs=20, evaluations=20, patience=1, learning_rate=3e-2, schedule="constant"
    )
    notes = read_footer(outputs.training_log)["notes"]
    evaluations = [row for row in read_rows(outputs.training_log, TRAINING_LOG) if row["event"] == "evaluation"]
    assert notes["steps"] < notes["total_steps"]
    assert [row["step"] for row in evaluations].index(notes["best_step"]) == len(evaluations) - 2


def test_without_validation_rows_the_last_state_is_kept_and_it_says_so(tmp_path, capsys):
    world = make_world(tmp_path / "world", train=6, valid=0)
    outputs = run(world, Outputs(tmp_path / "out"))
    assert read_footer(outputs.training_log)["notes"]["kept"] == "last"
    assert "the last state is kept" in capsys.readouterr().err


def test_the_seed_matters_and_only_the_seed(world, tmp_path):
    first, second, other = (
        run(world, Outputs(tmp_path / name), seed=seed, epochs=1) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert_same(first, second)
    assert first.digest() != other.digest()


def test_a_diverging_training_names_step_and_rows(world, tmp_path):
    outputs = Outputs(tmp_path)
    with pytest.raises(RadtuneError, match=r"(?s)step \d+ .*(nan|inf).*caption:train-.*learning_rate"):
        run(world, outputs, adaptation=FULL, learning_rate=1e30, warmup_share=0.0)
    assert not outputs.adapter.exists()


def test_a_folder_in_use_is_refused(world, tmp_path):
    outputs = Outputs(tmp_path)
    with locked(outputs.checkpoints), pytest.raises(RadtuneError, match="is still at work here"):
        run(world, outputs, lock_wait_seconds=0.1)


def test_a_twin_waits_and_takes_what_the_first_made(world, tmp_path, capsys):
    outputs = Outputs(tmp_path)
    process = start(world, outputs, **LONG)
    wait_for_step(process, outputs, 3)
    run(world, outputs, lock_wait_seconds=120, **LONG)
    process.communicate()
    assert process.returncode == 0
    assert "made by the process that was waited for" in capsys.readouterr().err
    check_kind(outputs.training_log, TRAINING_LOG)


def test_a_mix_that_does_not_fit_the_images_is_refused(world, tmp_path):
    outputs = Outputs(tmp_path)
    with pytest.raises(DataError, match="rows without an image, such as caption:train-"):
        train(world.mix, world.images[:1], *outputs.arguments(), settings=recipe(), seed=SEED, weights_cache=tmp_path)


def test_a_mix_without_training_rows_is_refused(tmp_path):
    world = make_world(tmp_path / "world", train=0)
    with pytest.raises(DataError, match="no rows of the split `train`"):
        run(world, Outputs(tmp_path / "out"))


def test_settings_survive_the_command_line():
    text = recipe().canonical()
    assert json.loads(text)["training"]["learning_rate"] == 5e-3
    assert type(recipe()).parse(text) == recipe()
