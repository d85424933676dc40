from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from radtune.artifacts.io import content_digest, read_footer, read_rows
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.config.models import AdaptationSettings, GenerationSettings, PredictStep
from radtune.errors import EXIT_SAVED, ArtifactError, ConfigError
from radtune.inference.partial import partial_folder
from radtune.inference.predict import predict
from radtune.training.train import train
from training.tiny_world import ADAPTATION, BUILD, KINDS, SEED, Outputs, make_world, recipe

GENERATION = GenerationSettings(
    tasks=("caption", "question"), maximum_new_tokens=12, batch_size=4, precision="float32", threads=1
)


def asking(adaptation=ADAPTATION, **changes):
    return PredictStep(build=BUILD, adaptation=adaptation, generation=GENERATION.model_copy(update=changes))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), test=9)


@pytest.fixture(scope="module")
def adapter(world, tmp_path_factory):
    outputs = Outputs(tmp_path_factory.mktemp("trained"))
    train(world.mix, world.images, *outputs.arguments(), settings=recipe(), seed=SEED, weights_cache=outputs.folder)
    return outputs.adapter


def ask(world, adapter, output, arm="plain", settings=None, with_modality=True, seed=SEED, shard=0, scratch=None):
    predict(
        world.captions,
        [world.questions],
        world.images,
        adapter,
        world.modality_predictions if with_modality else None,
        output,
        system="tiny",
        arm=arm,
        shard=shard,
        settings=settings or asking(),
        seed=seed,
        weights_cache=output.parent,
        scratch=scratch,
    )
    return read_rows(output, PREDICTIONS)


def test_asks_every_test_caption_and_accepted_question_with_an_image(world, adapter, tmp_path):
    output = tmp_path / "plain.parquet"
    rows = ask(world, adapter, output)
    captions = {row["item_id"]: row["caption"] for row in read_rows(world.captions, CAPTIONS)}
    asked = [f"caption:test-{number:02d}" for number in range(8)] + [f"question:test-{number:02d}-0" for number in range(8)]
    assert [row["row_id"] for row in rows] == asked
    assert all(row["prediction_id"] == row["row_id"] for row in rows)
    assert [row["reference"] for row in rows[:8]] == [captions[row["item_id"]] for row in rows[:8]]
    assert [row["reference"] for row in rows[8:]] == [KINDS[number % 5] for number in range(8)]
    assert rows[0]["group_id"] == "group-test-00"
    assert {row["stopped"] for row in rows} <= {"end", "length"}
    assert all(0 <= row["generated_tokens"] <= 12 for row in rows)
    footer = read_footer(output)
    assert footer["dropped"] == {"no_image": 2, "question_rejected": 9}
    assert footer["rows_in"] == footer["rows_out"] + 11
    assert footer["notes"]["precision"] == "float32"
    assert footer["notes"]["attention_implementation"] == "sdpa"
    assert not partial_folder(output).exists()


def test_captions_alone_unless_questions_are_asked_for(world, adapter, tmp_path):
    rows = ask(world, adapter, tmp_path / "plain.parquet", settings=asking(tasks=("caption",)))
    assert {row["task"] for row in rows} == {"caption"}


def test_the_batch_size_changes_nothing_in_float32(world, adapter, tmp_path):
    for size in (1, 3, 16):
        ask(world, adapter, tmp_path / f"{size}.parquet", settings=asking(batch_size=size))
    assert len({content_digest(tmp_path / f"{size}.parquet", PREDICTIONS) for size in (1, 3, 16)}) == 1


def test_images_copied_to_the_nodes_disk_say_the_same_and_the_shards_are_named(world, adapter, tmp_path):
    plain, staged = tmp_path / "plain.parquet", tmp_path / "staged.parquet"
    ask(world, adapter, plain)
    ask(world, adapter, staged, scratch=str(tmp_path / "scratch"))
    assert len(list((tmp_path / "scratch").rglob("images/*.parquet"))) == len(world.images)
    assert content_digest(staged, PREDICTIONS) == content_digest(plain, PREDICTIONS)
    assert read_footer(staged)["inputs"] == read_footer(plain)["inputs"]


def test_folded_adapters_say_the_same_in_float32(world, adapter, tmp_path):
    apart = ask(world, adapter, tmp_path / "apart.parquet")
    assert ask(world, adapter, tmp_path / "merged.parquet", settings=asking(merged=True)) == apart
    assert read_footer(tmp_path / "merged.parquet")["settings"]["generation"]["merged"]


def test_arms_differ_only_in_the_predicted_modality_before_the_prompt(world, adapter, tmp_path):
    plain = ask(world, adapter, tmp_path / "plain.parquet")
    modality = ask(world, adapter, tmp_path / "modality.parquet", arm="modality")
    same = ("row_id", "item_id", "group_id", "system", "task", "reference")
    prefixes = {"CT": "CT: ", "MRI": "MRI: ", "Radiograph": "Radiograph: ", "Ultrasound": "ultrasound: ", "Other": ""}
    seen = set()
    for without, with_prefix in zip(plain, modality, strict=True):
        assert [without[name] for name in same] == [with_prefix[name] for name in same]
        true = int(without["item_id"][-2:]) % 5
        prefix = prefixes[KINDS[(true + 1) % 5]]  # the world predicts the kind after the true one
        prompt = without["prompt"].replace("User:", f"User:{prefix}")
        assert with_prefix["prompt"] == prompt
        seen.add(prefix)
    assert seen == set(prefixes.values())
    assert "modality_predictions" in read_footer(tmp_path / "modality.parquet")["inputs"]
    assert "modality_predictions" not in read_footer(tmp_path / "plain.parquet")["inputs"]


def test_the_modality_arm_needs_predictions_for_every_image(world, adapter, tmp_path):
    with pytest.raises(ConfigError, match="--modality-predictions"):
        ask(world, adapter, tmp_path / "out.parquet", arm="modality", with_modality=False)
    other = make_world(tmp_path / "other", test=2)
    with pytest.raises(ArtifactError, match="no prediction for test-02"):
        predict(
            world.captions, [], world.images, adapter, other.modality_predictions, tmp_path / "out.parquet",
            system="tiny", arm="modality", settings=asking(), seed=SEED, weights_cache=tmp_path,
        )  # fmt: skip


def test_an_adapter_of_another_model_is_refused(world, adapter, tmp_path):
    with pytest.raises(ArtifactError, match="trained for other"):
        ask(world, adapter, tmp_path / "out.parquet", settings=asking(AdaptationSettings(strategy="full")))
    with pytest.raises(ArtifactError, match="not an adapter"):
        ask(world, world.captions, tmp_path / "out.parquet")


def start(world, adapter, output, settings, *more):
    command = [
        sys.executable, "-m", "radtune", "inference", "predict", "--captions", world.captions, "--questions", world.questions,
        "--images", world.images[0], "--images", world.images[1], "--adapter", adapter, "--output", output, "--system", "tiny",
        "--arm", "plain", "--settings", settings.canonical(), "--seed", SEED, "--weights-cache", output.parent, *more,
    ]  # fmt: skip
    return subprocess.Popen([str(part) for part in command], env={**os.environ, "OMP_NUM_THREADS": "1"})


def wait_for_batch(process, output, number):
    while not list(partial_folder(output).glob(f"*/batch-{number:06d}.json")):
        assert process.poll() is None, "ended before it could be stopped"
        time.sleep(0.002)


def test_killed_it_goes_on_from_the_batches_it_has(world, adapter, tmp_path):
    whole, cut = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    settings = asking(batch_size=1)
    ask(world, adapter, whole, settings=settings)
    process = start(world, adapter, cut, settings)
    wait_for_batch(process, cut, 2)
    process.kill()
    process.wait()
    assert not cut.exists()
    kept = {path: path.stat().st_mtime_ns for path in partial_folder(cut).glob("*/batch-*.json")}
    (first, _), *_ = sorted(kept.items())
    marked = first.read_text().replace('"text":"', '"text":"kept ')
    first.write_text(marked)  # shows that the batch is read, not made again
    rows = ask(world, adapter, cut, settings=settings)
    assert rows[0]["prediction"] == "kept " + read_rows(whole, PREDICTIONS)[0]["prediction"]
    assert [row["prediction"] for row in rows[1:]] == [row["prediction"] for row in read_rows(whole, PREDICTIONS)[1:]]
    assert not partial_folder(cut).exists()


def test_a_shard_takes_whole_batches_and_only_its_own(world, adapter, tmp_path):
    settings = asking(batch_size=3, shards=2)
    whole = ask(world, adapter, tmp_path / "whole.parquet", settings=asking(batch_size=3))
    first = ask(world, adapter, tmp_path / "0.parquet", settings=settings, shard=0)
    second = ask(world, adapter, tmp_path / "1.parquet", settings=settings, shard=1)
    assert first == whole[0:3] + whole[6:9] + whole[12:15]
    assert second == whole[3:6] + whole[9:12] + whole[15:16]
    footer = read_footer(tmp_path / "0.parquet")
    assert (footer["rows_in"], footer["rows_out"], footer["dropped"]) == (9, 9, {})
    with pytest.raises(ConfigError, match="--shard 2"):
        ask(world, adapter, tmp_path / "2.parquet", settings=settings, shard=2)


def test_a_shard_asked_to_stop_ends_with_75_and_goes_on_to_the_same_rows(world, adapter, tmp_path):
    whole, cut, settings = tmp_path / "whole.parquet", tmp_path / "cut.parquet", asking(batch_size=1, shards=2)
    process = start(world, adapter, cut, settings, "--shard", 1)
    wait_for_batch(process, cut, 1)  # the first batch of this shard
    process.terminate()
    assert process.wait() == EXIT_SAVED
    assert not cut.exists()
    assert 1 <= len(list(partial_folder(cut).glob("*/batch-*.json"))) < 8
    ask(world, adapter, cut, settings=settings, shard=1)
    ask(world, adapter, whole, settings=settings, shard=1)
    assert content_digest(cut, PREDICTIONS) == content_digest(whole, PREDICTIONS)
