"""Image–caption similarity of ImageCLEFmedical: how well the caption fits the image, without a look at the reference.

The challenge encodes both with MedImageInsight. Any CLIP can stand in for it; the values are then another model's, as the
signature says.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from radtune.metrics.clip import fetch_clip
from radtune.metrics.contract import Resources, Result, Sample, versions
from radtune.metrics.image_text import encoded_images, given_images, rescaled_cosine, text_vectors
from radtune.metrics.medimageinsight import fetch_medimageinsight


def similarity(samples: Sequence[Sample], resources: Resources) -> Result:
    """``2.5 * max(0, cos)`` between each image and its raw caption, in [0, 2.5]; None where the image is missing or unreadable.

    The challenge's code of 2025 gave a broken image the value 1. Raises :class:`radtune.errors.WeightsError` if the encoder
    cannot be had, and :class:`radtune.errors.UnavailableError` without images.
    """
    settings = resources.settings
    given_images(resources)  # before anything is downloaded
    torch.set_num_threads(settings.threads)
    fetch_encoder = fetch_medimageinsight if settings.similarity_encoder == "medimageinsight" else fetch_clip
    encoder, digests = fetch_encoder(settings.similarity_source, settings.similarity_sha256, resources.weights_cache)
    images = encoded_images(encoder, resources, digests).vectors((sample.item_id for sample in samples), settings.batch_size)
    texts = text_vectors(encoder, (sample.prediction for sample in samples), settings.batch_size)
    values = [
        None if (image := images[sample.item_id]) is None else rescaled_cosine(image, texts[sample.prediction])
        for sample in samples
    ]
    signature = {
        "metric": "image–caption similarity, 2.5 * max(0, cos), scale 0 to 2.5",
        "encoder": settings.similarity_encoder,
        "checkpoint": settings.similarity_source,
        "sha256": digests,
        "text": "raw",
        "unreadable images": "null",
        "versions": versions("torch", "transformers", "tokenizers", "pillow"),
    }
    return Result({"similarity": values}, signature)
