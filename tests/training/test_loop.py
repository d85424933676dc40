from __future__ import annotations

import math

import pytest
import torch

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.mix import MIX
from radtune.config.models import AdaptationSettings
from radtune.images.store import ImageStore
from radtune.models.adaptation import adapt
from radtune.models.load import load_model
from radtune.training.checkpoints import Checkpoints
from radtune.training.loop import Trainer, evaluation_steps, set_training_mode, steps_after
from radtune.training.progress import steps_per_epoch
from radtune.training.ranks import Ranks
from radtune.training.termination import StopRequest
from radtune.training.train import read_mix
from training.tiny_world import ADAPTATION, BUILD, SEED, TRAINING, make_world

ONE_RANK = Ranks(0, 1, torch.device("cpu"))
LENGTHS = {f"row-{number}": number % 7 + 1 for number in range(23)}


def test_what_is_left_after_any_step_is_the_rest_of_the_whole():
    whole = list(steps_after(0, LENGTHS, TRAINING, SEED))
    assert [step.number for step in whole] == list(range(1, 3 * steps_per_epoch(23, TRAINING) + 1))
    for done in range(len(whole) + 1):
        assert list(steps_after(done, LENGTHS, TRAINING, SEED)) == whole[done:]
    for epoch in range(3):
        seen = [row_id for step in whole if step.epoch == epoch for row_ids in step.batches for row_id in row_ids]
        assert sorted(seen) == sorted(LENGTHS)


@pytest.mark.parametrize(("total", "count"), [(100, 20), (7, 3), (3, 20), (1, 1)])
def test_evaluations_are_evenly_spaced_and_include_the_last_step(total, count):
    steps = sorted(evaluation_steps(total, count))
    assert len(steps) == min(total, count)
    assert steps[-1] == total
    gaps = [later - earlier for earlier, later in zip([0, *steps], steps, strict=False)]
    assert max(gaps) - min(gaps) <= 1


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


def make_trainer(world, folder, adaptation=ADAPTATION, build=BUILD, **changes):
    settings = TRAINING.model_copy(update=changes)
    model = load_model(build, weights_cache=folder, seed=SEED, precision=settings.precision)
    adapt(model, adaptation, seed=SEED)
    rows = read_mix(world.mix, ImageStore(world.images), model)
    return Trainer(
        model, *rows, Checkpoints(folder, "f" * 64), StopRequest(), ONE_RANK, settings=settings, adaptation=adaptation, seed=SEED
    )


def test_accumulated_gradient_is_that_of_the_mean_over_all_label_tokens(world, tmp_path):
    """Forward passes with many and with few label tokens must not weigh the same."""
    trainer = make_trainer(world, tmp_path, ADAPTATION.model_copy(update={"dropout": 0.0}))
    for step in steps_after(0, trainer.train_rows.lengths, TRAINING, SEED):
        batches = trainer._collate_step(step)
        if len({trainer.model.label_tokens(batch) for batch in batches.values()}) > 1:
            break
    else:
        pytest.fail("no step whose forward passes differ in their label tokens")

    together = trainer._collate(trainer.train_rows, [row_id for row_ids in step.batches for row_id in row_ids])
    mean = trainer.model.loss(together) / trainer.model.label_tokens(together)
    mean.backward()
    trained = [parameter for parameter in trainer.model.network.parameters() if parameter.grad is not None]
    norm = math.sqrt(sum(float((parameter.grad**2).sum()) for parameter in trained))
    trainer.optimizer.zero_grad()

    loss = trainer._train(step, batches)
    assert loss == pytest.approx(mean.item(), rel=1e-5)
    assert trainer.progress.log[0]["gradient_norm"] == pytest.approx(norm, rel=1e-4)


def test_validation_loss_is_the_mean_over_label_tokens_and_ignores_the_batch_size(world, tmp_path):
    trainers = [make_trainer(world, tmp_path, batch_size=size) for size in (1, 4)]
    with trainers[0]._reader, trainers[1]._reader:
        losses = [trainer.validation_loss() for trainer in trainers]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    model = trainers[0].model
    valid = [row["row_id"] for row in read_rows(world.mix, MIX) if row["split"] == "valid"]
    batches = [trainers[0]._collate(trainers[0].valid_rows, [row_id]) for row_id in valid]
    tokens = sum(model.label_tokens(batch) for batch in batches)
    with torch.no_grad():
        assert losses[0] == pytest.approx(sum(model.loss(batch).item() for batch in batches) / tokens, rel=1e-5)


def test_bfloat16_trains_on_float32_masters(world, tmp_path):
    trainer = make_trainer(world, tmp_path, precision="bfloat16", epochs=1)
    tensors = trainer.run()
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    masters = trainer.masters.state_dict()
    assert masters.keys() == tensors.keys()
    assert {master.dtype for master in masters.values()} == {torch.float32}
    assert any(not torch.equal(master, master.bfloat16().float()) for master in masters.values())


def test_staged_training_unfreezes_at_epochs_and_only_then(world, tmp_path):
    build = BUILD.model_copy(
        update={"family": "visiongpt2", "sources": {"vision": "tiny:", "language": "tiny:"}, "options": {"width": 32, "heads": 2}}
    )
    trainer = make_trainer(world, tmp_path, AdaptationSettings(strategy="staged"), build, epochs=3, checkpoint_steps=100)
    start = {name: value.detach().clone() for name, value in trainer.model.network.named_parameters()}
    moved: list[set[str]] = []
    epoch_before = 0
    original = trainer._train

    def observed(step, batches):
        nonlocal epoch_before
        if step.epoch != epoch_before:
            moved.append(_moved(trainer, start))
            epoch_before = step.epoch
        return original(step, batches)

    trainer._train = observed  # watches the real step; nothing is replaced
    trainer.evaluation_steps = frozenset()
    trainer.run()
    moved.append(_moved(trainer, start))
    assert len(moved) == 3
    assert all("cross_attn" in name or "ln_3" in name for name in moved[0])
    assert moved[0] < moved[1] < moved[2]
    assert not any(name.startswith("vision") for name in moved[1])
    assert any(name.startswith("vision") for name in moved[2])


def _moved(trainer, start):
    return {name for name, value in trainer.model.network.named_parameters() if not torch.equal(value.detach(), start[name])}


def test_batch_normalisation_keeps_its_running_statistics():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.5)).eval()
    set_training_mode(network)
    before = network[1].running_mean.clone()
    network(torch.randn(2, 3, 8, 8))
    assert torch.equal(network[1].running_mean, before)
    assert network[2].training
