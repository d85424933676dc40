import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor
from transformers import BertConfig, BertModel, CLIPModel, CLIPTokenizer

from radtune.errors import WeightsError
from radtune.metrics.clip import clip_pixels, fetch_clip, load_clip
from radtune.metrics.image_text import EncodedImages, cosine, text_vectors

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
TEXTS = ["CT of the chest.", "An MRI", "x " * 200, "Ultrasound of the liver, with Doppler", ""]


def test_pixels_are_resized_cut_and_standardised(pictures: dict[str, Image.Image]) -> None:
    picture = pictures["a"]  # 60 high, 40 wide
    resized = np.asarray(picture.resize((32, 48), Image.Resampling.BICUBIC), dtype=np.float64)[8:40] / 255
    expected = ((resized - MEAN) / DEVIATION).transpose(2, 0, 1)
    np.testing.assert_allclose(clip_pixels(picture, 32).numpy(), expected, atol=1e-6)


def test_pixels_equal_those_of_torchvision_which_the_authors_use(pictures: dict[str, Image.Image]) -> None:
    prepare = Compose([Resize(30, InterpolationMode.BICUBIC), CenterCrop(30), ToTensor(), Normalize(MEAN, DEVIATION)])
    for picture in pictures.values():
        torch.testing.assert_close(clip_pixels(picture, 30), prepare(picture))


def test_vectors_are_those_of_the_model_itself(tmp_path: Path, clip_folder: Path, pictures: dict[str, Image.Image]) -> None:
    encoder = load_clip(clip_folder)
    model = CLIPModel.from_pretrained(clip_folder).eval()
    tokenizer = CLIPTokenizer.from_pretrained(clip_folder)
    texts = text_vectors(encoder, TEXTS, 2)
    images = EncodedImages(encoder, pictures.__getitem__, tmp_path, "clip").vectors(pictures, 3)
    for text in TEXTS:
        ids = tokenizer(text, truncation=True, max_length=77, return_tensors="pt").input_ids
        for item, picture in pictures.items():
            with torch.no_grad():
                logits = model(input_ids=ids, pixel_values=clip_pixels(picture, 32)[None]).logits_per_image
            expected = float(logits / model.logit_scale.detach().exp())
            image = images[item]
            assert image is not None
            assert cosine(image, texts[text]) == pytest.approx(expected, abs=1e-6)
    assert tokenizer("x " * 200, truncation=True, max_length=77).input_ids[-1] == tokenizer.eos_token_id  # cut, and still ended


def test_vectors_do_not_depend_on_the_batch(tmp_path: Path, clip_folder: Path, pictures: dict[str, Image.Image]) -> None:
    encoder = load_clip(clip_folder)
    alone, together = (text_vectors(encoder, texts, size) for texts, size in ((TEXTS, 1), (TEXTS[::-1] * 2, 64)))
    for text in TEXTS:
        torch.testing.assert_close(alone[text], together[text], atol=1e-6, rtol=0)
    one, all_ = (EncodedImages(encoder, pictures.__getitem__, tmp_path, "clip").vectors(pictures, size) for size in (1, 64))
    for item in pictures:
        torch.testing.assert_close(one[item], all_[item], atol=1e-6, rtol=0)


def test_what_is_no_clip_or_another_file_is_refused(tmp_path: Path, clip_folder: Path) -> None:
    encoder, digests = fetch_clip(f"path:{clip_folder}", None, tmp_path)
    assert fetch_clip(f"path:{clip_folder}", digests["model.safetensors"], tmp_path)[0] is encoder
    with pytest.raises(WeightsError, match="the config says 00"):
        fetch_clip(f"path:{clip_folder}", "00", tmp_path)
    with pytest.raises(WeightsError, match=r"no model\.safetensors"):
        fetch_clip(f"path:{tmp_path}", None, tmp_path)
    BertModel(BertConfig(hidden_size=4, num_attention_heads=1, num_hidden_layers=1, vocab_size=9)).save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="a model of type bert, not clip"):
        fetch_clip(f"path:{tmp_path}", None, tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match="no model that transformers knows"):
        fetch_clip(f"path:{tmp_path}", None, tmp_path)


def test_half_a_clip_is_refused(tmp_path: Path, clip_folder: Path) -> None:
    """What is missing would be random, or a tokenizer without words, and every value wrong without a word."""
    tokenizer, tensors, broken = (
        Path(shutil.copytree(clip_folder, tmp_path / name)) for name in ("tokenizer", "tensors", "broken")
    )
    for name in ("tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json"):
        (tokenizer / name).unlink(missing_ok=True)
    with pytest.raises(WeightsError, match="the tokenizer's vocabulary is missing"):
        load_clip(tokenizer)
    state = load_file(tensors / "model.safetensors")
    del state["text_projection.weight"]
    save_file(state, tensors / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks 1 tensors of the network, such as text_projection\.weight"):
        load_clip(tensors)
    (broken / "model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load_clip(broken)
