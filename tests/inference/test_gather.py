from __future__ import annotations

import pytest

from radtune.artifacts.io import content_digest, read_footer
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.config.models import GenerationSettings, PredictStep
from radtune.errors import ArtifactError
from radtune.inference.gather import gather
from radtune.inference.predict import predict
from radtune.training.train import train
from training.tiny_world import ADAPTATION, BUILD, SEED, Outputs, make_world, recipe


def asking(shards, **changes):
    generation = GenerationSettings(
        tasks=("caption", "question"), maximum_new_tokens=8, batch_size=3, shards=shards, precision="bfloat16", threads=1
    )
    return PredictStep(build=BUILD, adaptation=ADAPTATION, generation=generation.model_copy(update=changes))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), test=9)


@pytest.fixture(scope="module")
def adapter(world, tmp_path_factory):
    outputs = Outputs(tmp_path_factory.mktemp("trained"))
    train(world.mix, world.images, *outputs.arguments(), settings=recipe(epochs=1), seed=SEED, weights_cache=outputs.folder)
    return outputs.adapter


def ask(world, adapter, output, settings, shard=0, arm="plain"):
    predict(
        world.captions, [world.questions], world.images, adapter, world.modality_predictions, output,
        system="tiny", arm=arm, shard=shard, settings=settings, seed=SEED, weights_cache=output.parent,
    )  # fmt: skip
    return output


def put_together(world, shards, output, settings):
    gather(world.captions, [world.questions], world.images, shards, output, settings=settings, seed=SEED)
    return output


@pytest.fixture(scope="module")
def two(world, adapter, tmp_path_factory):
    """Two shards of the plain arm."""
    folder = tmp_path_factory.mktemp("two")
    return [ask(world, adapter, folder / f"{shard}.parquet", asking(2), shard) for shard in range(2)]


def test_the_number_and_order_of_shards_change_nothing_in_bfloat16(world, adapter, two, tmp_path):
    whole = ask(world, adapter, tmp_path / "whole.parquet", asking(1))
    three = [ask(world, adapter, tmp_path / f"{shard}.parquet", asking(3), shard) for shard in (2, 0, 1)]
    gathered = [
        put_together(world, two, tmp_path / "two.parquet", asking(2)),
        put_together(world, two[::-1], tmp_path / "turned.parquet", asking(2)),
        put_together(world, three, tmp_path / "three.parquet", asking(3)),
    ]
    assert {content_digest(path, PREDICTIONS) for path in gathered} == {content_digest(whole, PREDICTIONS)}
    for path in gathered:
        footer, single = read_footer(path), read_footer(whole)
        assert [footer[name] for name in ("rows_in", "rows_out", "dropped")] == [
            single[name] for name in ("rows_in", "rows_out", "dropped")
        ]
        assert footer["notes"] == single["notes"]


def test_more_shards_than_batches_leave_some_empty(world, adapter, tmp_path):
    settings = asking(7)  # 16 rows are 6 batches
    shards = [ask(world, adapter, tmp_path / f"{shard}.parquet", settings, shard) for shard in range(7)]
    assert read_footer(shards[6])["rows_out"] == 0
    assert read_footer(put_together(world, shards, tmp_path / "all.parquet", settings))["rows_out"] == 16


def test_a_missing_or_double_shard_is_refused(world, two, tmp_path):
    output = tmp_path / "out.parquet"
    with pytest.raises(ArtifactError, match=r"7 rows are missing .* such as caption:test-03"):
        put_together(world, two[:1], output, asking(2))
    with pytest.raises(ArtifactError, match=r"9 rows are double .* such as caption:test-00"):
        put_together(world, [*two, two[0]], output, asking(2))
    fewer = make_world(tmp_path / "fewer", test=8)
    with pytest.raises(ArtifactError, match=r"2 rows are unknown .* such as caption:test-07"):
        put_together(fewer, two, output, asking(2))
    assert not output.exists()


def test_shards_of_different_predictions_are_refused(world, adapter, two, tmp_path):
    output = tmp_path / "out.parquet"
    with pytest.raises(ArtifactError, match="made with other settings"):
        put_together(world, two, output, asking(2, maximum_new_tokens=9))
    modality = ask(world, adapter, tmp_path / "1.parquet", asking(2), shard=1, arm="modality")
    with pytest.raises(ArtifactError, match="from other inputs"):
        put_together(world, [two[0], modality], output, asking(2))
    assert not output.exists()
