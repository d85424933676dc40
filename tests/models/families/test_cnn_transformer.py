from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from radtune.config.models import BuildSettings
from radtune.config.published_models import PUBLISHED_MODELS
from radtune.errors import ConfigError, WeightsError
from radtune.models.adaptation import adapt, set_stage, trainable_parameters
from radtune.models.families.cnn_transformer import load_vision
from radtune.models.family import Example
from radtune.models.load import load_model, load_skeleton
from radtune.models.networks.cnn_transformer import CNNTransformerNetwork, CNNTransformerSizes

PUBLISHED = PUBLISHED_MODELS["cnn_transformer"]
TINY = BuildSettings(family="cnn_transformer", sources={"vision": "tiny:", "language": "tiny:"}, image_size=64)


def noise(seed: int, side: int = 64) -> Image.Image:
    pixels = torch.randint(0, 256, (side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return Image.fromarray(pixels.numpy())


def tiny(tmp_path: Path, **changes: object):  # type: ignore[no-untyped-def]
    return load_model(TINY.model_copy(update=changes), weights_cache=tmp_path, seed=1, precision="float32")


def test_full_size_and_stages() -> None:
    model = load_skeleton(PUBLISHED.build)
    parts = {
        name: sum(parameter.numel() for parameter in getattr(model.network, name).parameters())
        for name in ("vision", "connector", "language")
    }
    assert sum(parts.values()) == 48_014_720
    assert parts["vision"] == 6_953_856
    assert model.image_tokens() == 49
    adapt(model, PUBLISHED.adaptation, seed=1)
    assert trainable_parameters(model) == parts["connector"] + parts["language"] == 41_060_864
    assert set_stage(model, PUBLISHED.adaptation, epoch=1)
    assert trainable_parameters(model) == 48_014_720
    assert not set_stage(model, PUBLISHED.adaptation, epoch=2)


def test_a_strategy_that_leaves_new_weights_random_is_refused() -> None:
    lora = PUBLISHED.adaptation.model_copy(update={"strategy": "targeted", "targets": ("language:c_attn",)})
    with pytest.raises(ConfigError, match="would keep new, random parameters"):
        adapt(load_skeleton(PUBLISHED.build), lora, seed=1)


@pytest.fixture(scope="module")
def densenet() -> torchvision.models.DenseNet:
    """DenseNet-121 with random weights and statistics of its own."""
    torch.manual_seed(1)
    classifier = torchvision.models.densenet121(num_classes=14).eval()
    for name, tensor in classifier.features.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            tensor.uniform_(0.5, 1.5)
    return classifier


def before_torch_0_4(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The names of CheXNet's reimplementations: `norm.1` for `norm1`, and no count of batches."""
    return {
        prefix + re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", name): tensor
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    }


@pytest.mark.parametrize("kind", ["torchvision", "safetensors", "chexnet"])
def test_features_are_those_of_the_classifier(kind: str, densenet: torchvision.models.DenseNet, tmp_path: Path) -> None:
    state = densenet.state_dict()
    path = tmp_path / "model.pth.tar"
    if kind == "torchvision":
        torch.save(before_torch_0_4(state, ""), path)  # torchvision's own file still has these names
    elif kind == "safetensors":  # a folder, as the hub gives it
        path = tmp_path
        save_file(state, tmp_path / "model.safetensors")
    else:
        optimizer = torch.optim.Adam(densenet.classifier.parameters()).state_dict()
        state = before_torch_0_4(state, "module.densenet121.")
        state = {name.replace("classifier.", "classifier.0."): tensor for name, tensor in state.items()}
        torch.save({"epoch": 5, "state_dict": state, "best_loss": 0.2, "optimizer": optimizer}, path)
    network = CNNTransformerNetwork(CNNTransformerSizes(vocabulary=10)).eval()
    load_vision(network.vision, path)
    seen: list[torch.Tensor] = []
    network.connector.project.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    pixels = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        network.image_states(pixels)
        torch.testing.assert_close(densenet.classifier(seen[0].mean(dim=1)), densenet(pixels), rtol=1e-4, atol=1e-4)
    assert seen[0].shape == (1, 49, 1024)


def test_weights_of_another_encoder(densenet: torchvision.models.DenseNet, tmp_path: Path) -> None:
    network = CNNTransformerNetwork(CNNTransformerSizes(vocabulary=10))
    state = densenet.state_dict()
    grey = {**state, "features.conv0.weight": state["features.conv0.weight"].sum(dim=1, keepdim=True)}
    larger = torchvision.models.densenet169().state_dict()
    for other, message in (
        (torchvision.models.resnet18().state_dict(), "no tensor features.conv0"),
        (grey, r"conv0.weight has shape \(64, 1, 7, 7\), expected \(64, 3, 7, 7\)"),
        (larger, r"features\.denseblock3\.\S+ is not DenseNet-121's"),
    ):
        save_file(other, tmp_path / "model.safetensors")
        with pytest.raises(WeightsError, match=message):
            load_vision(network.vision, tmp_path)


def test_pretrained_parts(densenet: torchvision.models.DenseNet, tmp_path: Path) -> None:
    """The published build from files: DenseNet's weights, and a tokenizer with as many words as GPT-2's."""
    torch.save(densenet.state_dict(), tmp_path / "densenet121.pth")
    words = tiny(tmp_path).tokenizer.get_vocab()
    end = words.pop("<|endoftext|>")
    vocabulary = {**words, **{f"word {index}": index for index in range(end, 50_256)}}
    backend = Tokenizer(BPE(vocab=vocabulary, merges=[]))
    folder = tmp_path / "gpt2"
    PreTrainedTokenizerFast(tokenizer_object=backend).save_pretrained(folder)
    sources = {"vision": f"path:{tmp_path}/densenet121.pth", "language": f"path:{folder}"}
    build = PUBLISHED.build.model_copy(update={"sources": sources})
    with pytest.raises(WeightsError, match="a vocabulary of 50256, not GPT-2's 50257"):
        load_model(build, weights_cache=tmp_path, seed=1, precision="float32")
    PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|endoftext|>").save_pretrained(folder)
    model = load_model(build, weights_cache=tmp_path, seed=1, precision="bfloat16")
    assert sum(parameter.numel() for parameter in model.network.parameters()) == 48_014_720
    batch = model.collate([Example("x", noise(1, 224), "caption", target="CT.")])
    assert batch["input_ids"][0].tolist() == [50_256, *model.encode("CT."), 50_256]
    with torch.no_grad():
        assert torch.isfinite(model.loss(batch))


def test_settings_that_do_not_fit(tmp_path: Path) -> None:
    for changes, message in (
        ({"maximum_text_tokens": 1024}, "prompt and answer share 1024 positions"),
        ({"image_size": 72}, "not a multiple of DenseNet's stride = 32"),
        ({"options": {"heads": 5}}, "5 heads do not divide the width 64"),
        ({"sources": {"vision": "tiny:", "language": "path:/gpt2"}}, "write tiny: for both"),
        ({"sources": {"model": "tiny:"}}, "cnn_transformer takes vision, language, not model"),
    ):
        with pytest.raises(ConfigError, match=message):
            tiny(tmp_path, **changes)
    with pytest.raises(ConfigError, match="has no growth_rate"):
        load_skeleton(PUBLISHED.build.model_copy(update={"options": {"growth_rate": 8}}))


def test_prompts_leave_room_for_the_longest_answer(tmp_path: Path) -> None:
    """Whatever the prompts of a batch are, each row may write as many tokens as an answer may have."""
    model = tiny(tmp_path, maximum_text_tokens=10, options={"positions": 16})
    short = Example("short", noise(1), "caption")
    longest = replace(short, row_id="longest", prefix="CT 12")  # with the start token: 6
    with torch.no_grad():
        model.network.language.ln_f.weight.zero_()  # every logit is zero: the first word wins, and the text never ends
    made = model.generate(model.collate([short, longest]), 100)
    assert [(item.tokens, item.stopped) for item in made] == [(10, "length")] * 2
    assert model.generate(model.collate([short]), 100) == made[:1]
    with pytest.raises(ConfigError, match="long: a prompt of 7 tokens, but the longest answer leaves room for 6"):
        model.collate([short, replace(longest, row_id="long", prefix="CT 123")])
    learned = model.collate([replace(longest, target="a" * 50)])
    assert learned["input_ids"].shape == (1, 16)
    assert torch.isfinite(model.loss(learned))


def test_every_feature_reaches_the_text(tmp_path: Path) -> None:
    """Each of the four features of a 64-pixel image changes what the text's states are."""
    network = tiny(tmp_path).network
    ids = torch.zeros((1, 3), dtype=torch.long)
    features = torch.randn(1, 4, network.connector.project.in_features)
    features.requires_grad_(True)
    image = [network.connector(features)] * network.sizes.layers
    network.language(ids, torch.ones_like(ids), image).sum().backward()
    assert features.grad is not None
    assert (features.grad.abs().sum(dim=-1) > 0).all()


def test_running_statistics_do_not_drift(tmp_path: Path) -> None:
    model = tiny(tmp_path)
    before = {name: tensor.clone() for name, tensor in model.network.vision.named_buffers()}
    model.network.train()
    assert model.network.connector.training
    model.loss(model.collate([Example("x", noise(1), "caption", target="CT")])).backward()
    assert before
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.network.vision.named_buffers())
