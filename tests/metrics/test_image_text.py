from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from radtune.errors import DataError, UnavailableError
from radtune.metrics.clip import load_clip
from radtune.metrics.contract import Resources
from radtune.metrics.image_text import EncodedImages, cosine, encoded_images, given_images, rescaled_cosine


@pytest.fixture
def encoded(clip_folder: Path) -> Iterator[list[int]]:
    """Grows by the number of images of each pass through the encoder."""
    passes: list[int] = []
    tower = load_clip(clip_folder).model.vision_model
    hook = tower.register_forward_hook(lambda module, inputs, output: passes.append(len(output.pooler_output)))
    yield passes
    hook.remove()


def test_each_image_is_read_and_encoded_once(
    tmp_path: Path, text_resources: Resources, clip_folder: Path, pictures: dict[str, Image.Image], encoded: list[int]
) -> None:
    read = []

    def images(item_id: str) -> Image.Image:
        read.append(item_id)
        return pictures[item_id]

    encoder, resources = load_clip(clip_folder), replace(text_resources, images=images, weights_cache=tmp_path)
    encoded_images(encoder, resources, {"a": "1"}).vectors(["b", "a", "b"], 2)
    found = encoded_images(encoder, resources, {"a": "1"}).vectors(["c", "a"], 2)
    assert read == ["a", "b", "c"]
    assert list(found) == ["a", "c"]
    assert encoded == [2, 1]


def test_vectors_are_kept_for_other_systems(
    tmp_path: Path, clip_folder: Path, pictures: dict[str, Image.Image], encoded: list[int]
) -> None:
    """By what an image shows, whatever it is called; another checkpoint, and another image, are encoded anew."""
    encoder = load_clip(clip_folder)
    first = EncodedImages(encoder, pictures.__getitem__, tmp_path, "one").vectors("abc", 2)
    assert encoded == [2, 1]
    renamed = {f"{item}2": picture.copy() for item, picture in pictures.items()}
    again = EncodedImages(encoder, renamed.__getitem__, tmp_path, "one").vectors(["a2", "b2", "c2"], 2)
    assert encoded == [2, 1]
    for item, vector in first.items():
        same = again[f"{item}2"]
        assert vector is not None
        assert same is not None
        assert torch.equal(vector, same)
    EncodedImages(encoder, pictures.__getitem__, tmp_path, "another").vectors("ab", 2)
    assert encoded == [2, 1, 2]
    changed = pictures | {"b": Image.eval(pictures["b"], lambda value: 255 - value)}
    EncodedImages(encoder, changed.__getitem__, tmp_path, "one").vectors("abc", 2)
    assert encoded == [2, 1, 2, 2], "of the batch that differs only"


def test_an_image_that_cannot_be_read_has_no_vector(tmp_path: Path, clip_folder: Path, pictures: dict[str, Image.Image]) -> None:
    torn = tmp_path / "torn.png"
    pictures["d"].save(torn)
    torn.write_bytes(torn.read_bytes()[:200])
    (tmp_path / "text.png").write_text("no image")

    def images(item_id: str) -> Image.Image:
        if item_id == "absent":
            raise DataError("no image of absent")
        return pictures[item_id] if item_id in pictures else Image.open(tmp_path / f"{item_id}.png")

    vectors = EncodedImages(load_clip(clip_folder), images, tmp_path / "cache", "clip").vectors(
        ["torn", "text", "absent", "a"], 4
    )
    assert [item for item, vector in vectors.items() if vector is None] == ["absent", "text", "torn"]


def test_without_images_the_metric_is_unavailable(text_resources: Resources) -> None:
    with pytest.raises(UnavailableError, match="--images"):
        given_images(text_resources)


def test_the_cosine_is_rescaled_and_never_negative() -> None:
    first, second = torch.tensor([0.6, 0.8]), torch.tensor([1.0, 0.0])
    assert rescaled_cosine(first, second) == pytest.approx(1.5)
    assert rescaled_cosine(first, -second) == 0
    assert cosine(first, -second) == pytest.approx(-0.6)
    third = torch.nn.functional.normalize(torch.ones(7), dim=0) * 1.0000001
    assert rescaled_cosine(third, third) == 2.5
