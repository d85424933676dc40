from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metrics.tiny_checkpoints import write_alignscore, write_bleurt
from radtune.config.metrics import MetricSettings, VariantName
from radtune.errors import DataError, UnavailableError
from radtune.metrics.contract import Resources, Sample
from radtune.metrics.official import evaluate_as_published
from radtune.metrics.score import evaluate_metric

USUAL = Sample("usual", "caption", "CT of the chest.", "Axial CT of the chest.")
NO_PREDICTION = Sample("no_prediction", "caption", "", "Axial CT of the chest.")
NO_REFERENCE = Sample("no_reference", "caption", "CT of the chest.", "")
NEITHER = Sample("neither", "caption", "", "")


def image(item_id: str) -> Image.Image:
    """Images of all items but one."""
    if item_id == "usual":
        raise DataError("no image")
    pixels = np.random.default_rng(len(item_id)).integers(256, size=(40, 40, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory, clip_folder: Path) -> Resources:
    folder = tmp_path_factory.mktemp("weights")
    checkpoint, encoder = write_alignscore(folder / "align")
    settings = MetricSettings(
        bleurt_source=f"path:{write_bleurt(folder / 'bleurt')}",
        alignscore_source=f"path:{checkpoint}",
        alignscore_encoder=f"path:{encoder}",
        similarity_encoder="clip",
        similarity_source=f"path:{clip_folder}",
        threads=1,
    )
    return Resources(settings, folder, None, None, folder, image)


def of_variant(resources: Resources, variant: VariantName) -> Resources:
    return replace(resources, settings=resources.settings.model_copy(update={"variant": variant}))


def test_rouge_stops_where_both_are_empty(resources: Resources) -> None:
    samples = [USUAL, NO_PREDICTION, NO_REFERENCE]
    published, own = (evaluate(name := "rouge", samples, resources) for evaluate in (evaluate_as_published, evaluate_metric))
    assert published.values == own.values, name
    with pytest.raises(UnavailableError, match=r"stops at 1 caption\(s\), the first of neither"):
        evaluate_as_published("rouge", [*samples, NEITHER], resources)


def test_alignscore_rewards_nothing_against_nothing_and_stops_at_an_empty_caption(resources: Resources) -> None:
    values = evaluate_as_published("alignscore", [USUAL, NO_REFERENCE, NEITHER], resources).values["alignscore"]
    own = evaluate_metric("alignscore", [USUAL, NO_REFERENCE, NEITHER], resources).values["alignscore"]
    assert values == [*own[:2], 1]
    assert own[2] == 0
    with pytest.raises(UnavailableError, match="the first of no_prediction: it finds no sentence"):
        evaluate_as_published("alignscore", [USUAL, NO_PREDICTION, NEITHER], resources)


def test_bleurt_has_its_say_of_an_empty_caption(resources: Resources) -> None:
    samples = [USUAL, NO_PREDICTION, NEITHER]
    published = evaluate_as_published("bleurt", samples, resources).values["bleurt"]
    own = evaluate_metric("bleurt", samples, resources).values["bleurt"]
    assert published[0] == own[0]
    assert own[1:] == [0, 0]
    assert 0 not in published


def test_similarity_of_2025_rewards_a_broken_image(resources: Resources) -> None:
    samples = [USUAL, NO_PREDICTION, NO_REFERENCE, NEITHER]
    values = evaluate_as_published("similarity", samples, of_variant(resources, "imageclef2025-code")).values["similarity"]
    own = evaluate_metric("similarity", samples, resources).values["similarity"]
    assert own == [None, 0, values[2], 0]
    assert (values[0], values[3]) == (1, 1)
    assert values[1] not in (0, 1)  # that of the empty text


def test_similarity_of_2026_stops_at_a_broken_image(resources: Resources) -> None:
    of_2026 = of_variant(resources, "imageclef2026-code")
    values = evaluate_as_published("similarity", [NO_PREDICTION, NO_REFERENCE, NEITHER], of_2026).values["similarity"]
    assert (values[0], values[2]) == (0, 0)
    with pytest.raises(UnavailableError, match="the first of usual: it cannot encode the image"):
        evaluate_as_published("similarity", [USUAL, NO_REFERENCE], of_2026)
