from __future__ import annotations

import pytest

from radtune.artifacts.io import content_digest, read_footer, read_rows
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.predictions import PREDICTIONS
from radtune.artifacts.layout import BASELINE
from radtune.config.inference import BaselineSettings
from radtune.errors import DataError
from radtune.inference.baseline import draw_random_captions
from training.tiny_world import make_world


def draw(world, output, draws=10, seed=3):
    draw_random_captions(world.captions, world.images, output, settings=BaselineSettings(draws=draws), seed=seed)
    return read_rows(output, PREDICTIONS)


def test_draws_training_captions_for_every_test_image_and_none_of_the_test_split(tmp_path):
    world = make_world(tmp_path)
    rows = draw(world, tmp_path / "baseline.parquet")
    captions = read_rows(world.captions, CAPTIONS)
    training = {row["caption"] for row in captions if row["split"] == "train"}
    assert len(rows) == 4 * 10
    assert {row["prediction"] for row in rows} <= training
    assert not {row["prediction"] for row in rows} & {row["caption"] for row in captions if row["split"] != "train"}
    assert {row["system"] for row in rows} == {BASELINE}
    assert rows[0]["row_id"] == "caption:test-00"
    assert rows[0]["prediction_id"] == "caption:test-00#0"
    assert len({row["prediction"] for row in rows}) > 10
    footer = read_footer(tmp_path / "baseline.parquet")
    assert footer["rows_in"] == footer["rows_out"] + footer["dropped"]["no_image"] == 50


def test_the_draws_of_an_image_depend_on_it_and_the_seed_alone(tmp_path):
    few, many = make_world(tmp_path / "few", test=3), make_world(tmp_path / "many", test=9)
    of_few = {row["prediction_id"]: row["prediction"] for row in draw(few, tmp_path / "few.parquet")}
    of_many = {row["prediction_id"]: row["prediction"] for row in draw(many, tmp_path / "many.parquet")}
    assert of_few.items() <= of_many.items()
    draw(few, tmp_path / "again.parquet")
    draw(few, tmp_path / "other.parquet", seed=4)
    digests = [content_digest(tmp_path / f"{name}.parquet", PREDICTIONS) for name in ("few", "again", "other")]
    assert digests[0] == digests[1] != digests[2]


def test_without_training_captions_it_says_so(tmp_path):
    with pytest.raises(DataError, match="no rows of the split `train`"):
        draw(make_world(tmp_path, train=0), tmp_path / "baseline.parquet")
