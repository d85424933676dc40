from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from radtune.config.metrics import MetricSettings
from radtune.metrics.clip import clip_pixels, load_clip
from radtune.metrics.clipscore import clipscore
from radtune.metrics.contract import Resources, Sample

SAMPLES = [
    Sample("a", "caption", "CT of the chest.", "Axial CT of the chest"),
    Sample("b", "caption", "MRI of the knee", "MRI of the knee"),
    Sample("c", "caption", "Ultrasound: " + "a very long caption " * 9, "X-ray"),
    Sample("lost", "caption", "CT of the chest.", "CT"),
]


def test_both_scores_follow_the_authors_formulas(
    clip_folder: Path, text_resources: Resources, pictures: dict[str, Image.Image]
) -> None:
    settings = MetricSettings(clipscore_source=f"path:{clip_folder}", threads=1, batch_size=2)

    def images(item_id: str) -> Image.Image:
        if item_id not in pictures:
            raise FileNotFoundError(item_id)
        return pictures[item_id]

    result = clipscore(SAMPLES, replace(text_resources, settings=settings, images=images))
    model, tokenizer = load_clip(clip_folder).model, load_clip(clip_folder).tokenizer
    for index, sample in enumerate(SAMPLES[:3]):
        ids = [
            tokenizer(f"A photo depicts {text}", truncation=True, max_length=77, return_tensors="pt").input_ids
            for text in (sample.prediction, sample.reference)
        ]
        candidate, reference = (model.get_text_features(input_ids=one).pooler_output[0].detach() for one in ids)
        image = model.get_image_features(pixel_values=clip_pixels(pictures[sample.item_id], 32)[None]).pooler_output[0].detach()
        score = 2.5 * max(0.0, float(image @ candidate / image.norm() / candidate.norm()))
        to_reference = max(0.0, float(candidate @ reference / candidate.norm() / reference.norm()))
        together = 2 * score * to_reference / (score + to_reference) if score + to_reference else 0.0
        assert result.values["clipscore"][index] == pytest.approx(score, abs=1e-5)
        assert result.values["refclipscore"][index] == pytest.approx(together, abs=1e-5)
    assert result.values["clipscore"][3] is None
    assert result.values["refclipscore"][3] is None
    assert max(value or 0 for value in result.values["refclipscore"]) > 0.01
