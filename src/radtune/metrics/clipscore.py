"""CLIPScore and RefCLIPScore (Hessel et al. 2021): fit of a caption to its image, alone and together with the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from radtune.metrics.clip import fetch_clip
from radtune.metrics.contract import Resources, Result, Sample, f1, versions
from radtune.metrics.image_text import cosine, encoded_images, given_images, rescaled_cosine, text_vectors

PREFIX: Final = "A photo depicts "
"""What the authors' code puts before candidates and references; it counts towards CLIP's 77 tokens."""


def clipscore(samples: Sequence[Sample], resources: Resources) -> Result:
    """CLIPScore, in [0, 2.5], and RefCLIPScore of each sample on raw text; None where the image is missing or unreadable.

    RefCLIPScore is the harmonic mean of CLIPScore and the cosine between candidate and reference; that cosine is cut at 0 as in
    the paper (the authors' code forgets to). Raises :class:`radtune.errors.WeightsError` if CLIP cannot be had, and
    :class:`radtune.errors.UnavailableError` without images.
    """
    settings = resources.settings
    given_images(resources)  # before anything is downloaded
    torch.set_num_threads(settings.threads)
    encoder, digests = fetch_clip(settings.clipscore_source, settings.clipscore_sha256, resources.weights_cache)
    images = encoded_images(encoder, resources, digests).vectors((sample.item_id for sample in samples), settings.batch_size)
    texts = (PREFIX + text for sample in samples for text in (sample.prediction, sample.reference))
    vectors = text_vectors(encoder, texts, settings.batch_size)
    clip: list[float | None] = []
    with_reference: list[float | None] = []
    for sample in samples:
        image, candidate = images[sample.item_id], vectors[PREFIX + sample.prediction]
        if image is None:
            clip.append(None)
            with_reference.append(None)
            continue
        score = rescaled_cosine(image, candidate)
        clip.append(score)
        with_reference.append(f1(score, max(0.0, cosine(candidate, vectors[PREFIX + sample.reference]))))
    signature = {
        "metric": "CLIPScore, 2.5 * max(0, cos), scale 0 to 2.5; RefCLIPScore, harmonic mean with the references' cosine",
        "checkpoint": settings.clipscore_source,
        "sha256": digests,
        "text": f"raw, after {PREFIX!r}",
        "unreadable images": "null",
        "versions": versions("torch", "transformers", "tokenizers", "pillow"),
    }
    return Result({"clipscore": clip, "refclipscore": with_reference}, signature)
