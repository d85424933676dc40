import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metrics.tiny_checkpoints import TEXTS, draw_pictures, write_medimageinsight
from radtune.config.metrics import MetricSettings
from radtune.errors import UnavailableError, WeightsError
from radtune.metrics.clip import clip_pixels, load_clip
from radtune.metrics.contract import Resources, Sample, evaluate
from radtune.metrics.similarity import similarity

SAMPLES = [
    Sample("a", "caption", "CT of the chest.", "CT"),
    Sample("b", "caption", "MRI of the knee", "CT"),
    Sample("lost", "caption", "CT of the chest.", "CT"),
    Sample("c", "caption", " ", "CT"),
]


@pytest.fixture
def resources(clip_folder: Path, text_resources: Resources, pictures: dict[str, Image.Image]) -> Resources:
    settings = MetricSettings(similarity_encoder="clip", similarity_source=f"path:{clip_folder}", threads=1)

    def images(item_id: str) -> Image.Image:
        if item_id not in pictures:
            raise FileNotFoundError(item_id)
        return pictures[item_id]

    return replace(text_resources, settings=settings, images=images)


def test_each_caption_against_its_own_image(resources: Resources, clip_folder: Path, pictures: dict[str, Image.Image]) -> None:
    result = evaluate(similarity, SAMPLES, resources)
    model, tokenizer = load_clip(clip_folder).model, load_clip(clip_folder).tokenizer
    expected = []
    for sample in SAMPLES[:2]:
        ids = tokenizer(sample.prediction, return_tensors="pt").input_ids
        logits = model(input_ids=ids, pixel_values=clip_pixels(pictures[sample.item_id], 32)[None]).logits_per_image
        expected.append(2.5 * max(0.0, float(logits.detach() / model.logit_scale.detach().exp())))
    assert max(expected) > 0.01
    assert result.values["similarity"] == [*(pytest.approx(value, abs=1e-5) for value in expected), None, 0]
    assert result.signature["encoder"] == "clip"


def test_the_reference_and_the_other_captions_do_not_matter(resources: Resources) -> None:
    values = similarity(SAMPLES, resources).values["similarity"]
    for sample, value in zip(SAMPLES, values, strict=True):
        (alone,) = similarity([replace(sample, reference="another")], resources).values["similarity"]
        assert alone == pytest.approx(value, abs=1e-6) if value is not None else alone is None


def test_with_medimageinsight_values_follow_from_the_vectors_of_the_original(tmp_path: Path, text_resources: Resources) -> None:
    references = json.loads((Path(__file__).parent / "medimageinsight_references.json").read_text())
    images, texts = (np.array(references[f"{kind}_embeddings"]) for kind in ("image", "text"))
    expected = 2.5 * np.maximum(0, images @ texts[: len(TEXTS)].T)
    assert expected.min() == 0 < 0.5 < expected.max()

    settings = MetricSettings(similarity_source=f"path:{write_medimageinsight(tmp_path)}", threads=1)
    pictures = {str(index): picture for index, picture in enumerate(draw_pictures())}
    samples = [Sample(item, "caption", text, "CT") for item in pictures for text in TEXTS]
    result = evaluate(similarity, samples, replace(text_resources, settings=settings, images=pictures.__getitem__))
    assert result.values["similarity"] == pytest.approx(expected.flatten().tolist(), abs=1e-5)
    assert result.signature["encoder"] == "medimageinsight"
    assert set(result.signature["sha256"]) == {"medimageinsigt-v1.0.0.pt", "config.yaml", "vocab.json", "merges.txt"}


def test_without_weights_or_images_it_is_unavailable_and_says_why(
    tmp_path: Path, text_resources: Resources, pictures: dict[str, Image.Image]
) -> None:
    settings = MetricSettings(similarity_source=f"path:{tmp_path}")
    with pytest.raises(UnavailableError, match="no images were given"):  # nothing is downloaded for it
        similarity(SAMPLES, text_resources)
    with pytest.raises(WeightsError, match=r"2024\.09\.27/config\.yaml: no such file"):
        similarity(SAMPLES, replace(text_resources, settings=settings, images=pictures.__getitem__))
