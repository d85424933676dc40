from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, pre_tokenizers
from torchvision.transforms import v2
from transformers import CodeGenTokenizer, PhiConfig, PhiForCausalLM, SiglipVisionConfig, SiglipVisionModel

from radtune.config.models import BuildSettings
from radtune.config.published_models import PUBLISHED_MODELS
from radtune.errors import ConfigError, WeightsError
from radtune.models.adaptation import adapt, trainable_parameters
from radtune.models.families.moondream2 import Moondream2
from radtune.models.family import Example
from radtune.models.load import load_model, load_skeleton
from radtune.models.networks.moondream2 import BlockCache, Moondream2Network, TextSizes, VisionSizes
from radtune.models.sequences import IGNORED_LABEL

BUILD = BuildSettings(family="moondream2", sources={"model": "tiny:"}, image_size=64, instruction="Describe.")
VISION = VisionSizes(
    image_size=42, patch_size=14, hidden_size=32, intermediate_size=72, num_hidden_layers=3, num_attention_heads=4
)
TEXT = TextSizes(vocab_size=60, hidden_size=64, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4)


@pytest.fixture
def network() -> Moondream2Network:
    """Weights far from their initial ones, so that every norm and bias counts."""
    torch.manual_seed(1)
    network = Moondream2Network(VISION, TEXT).eval()
    for parameter in network.parameters():
        parameter.data += torch.randn_like(parameter) * 0.1
    return network


def tiny() -> Moondream2:
    model = load_model(BUILD, weights_cache=Path("unused"), seed=1, precision="float32")
    assert isinstance(model, Moondream2)
    return model


def example(side: int = 64) -> Example:
    values = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Example("x", Image.fromarray(values), "question", question="Which plane?")


def parts(tensor: torch.Tensor, names: tuple[str, str, str]) -> dict[str, torch.Tensor]:
    """A fused projection as the three that the library's classes have."""
    return dict(zip(names, tensor.chunk(3), strict=True))


# The network, against transformers' own classes of the same mathematics


def as_phi(network: Moondream2Network) -> PhiForCausalLM:
    """The text model under the names of transformers' Phi."""
    text = network.text
    phi = PhiForCausalLM(
        PhiConfig(
            vocab_size=text.vocab_size,
            hidden_size=text.hidden_size,
            intermediate_size=text.intermediate_size,
            num_hidden_layers=text.num_hidden_layers,
            num_attention_heads=text.num_attention_heads,
            partial_rotary_factor=0.5,
            hidden_act="gelu_new",
            layer_norm_eps=1e-5,
        )
    ).eval()
    state: dict[str, torch.Tensor] = {}
    for name, tensor in network.text_model.state_dict().items():
        theirs = (
            name.replace("transformer.embd.wte", "model.embed_tokens")
            .replace("transformer.h.", "model.layers.")
            .replace("mixer.out_proj", "self_attn.dense")
            .replace("lm_head.ln", "model.final_layernorm")
            .replace("lm_head.linear", "lm_head")
            .replace(".ln.", ".input_layernorm.")
        )
        if "Wqkv" in name:
            split = parts(tensor, ("q_proj", "k_proj", "v_proj"))
            state |= {theirs.replace("mixer.Wqkv", f"self_attn.{part}"): weight for part, weight in split.items()}
        else:
            state[theirs] = tensor
    phi.load_state_dict(state)
    return phi


def test_text_model_is_phi(network: Moondream2Network) -> None:
    """Logits of start token, image and text, for rows of different lengths padded on either side."""
    phi = as_phi(network)
    pixels = torch.randn(2, 3, 42, 42)
    rows = [[3, 5, 8, 13, 21, 34, 55], [3, 4, 7]]
    with torch.no_grad():
        images = network.vision_encoder(pixels)
        for right in (True, False):
            ids, mask = torch.zeros(2, 7, dtype=torch.long), torch.zeros(2, 7, dtype=torch.long)
            for index, row in enumerate(rows):
                place = slice(0, len(row)) if right else slice(7 - len(row), None)
                ids[index, place], mask[index, place] = torch.tensor(row), 1
            ours = network.text_model.lm_head(network(ids, mask, pixels))
            for index, row in enumerate(rows):
                words = phi.get_input_embeddings()(torch.tensor(row))
                sequence = torch.cat([words[:1], images[index], words[1:]])
                theirs = phi(inputs_embeds=sequence[None]).logits[0]
                torch.testing.assert_close(ours[index][mask[index].bool()][1:], theirs[10:], rtol=1e-4, atol=1e-4)
                torch.testing.assert_close(ours[index][mask[index].bool()][0], theirs[0], rtol=1e-4, atol=1e-4)


def test_continuation_is_that_of_phi(network: Moondream2Network) -> None:
    """With the cache and in a padded batch, against the library's own greedy search on one row at a time."""
    phi = as_phi(network)
    pixels = torch.randn(2, 3, 42, 42)
    ids = torch.tensor([[3, 5, 8, 13, 21], [0, 0, 3, 4, 7]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]])
    with torch.no_grad():
        ours = network.greedy(ids, mask, pixels, 12, end_id=60)
        images = network.vision_encoder(pixels)
        for index in (0, 1):
            words = phi.get_input_embeddings()(ids[index][mask[index].bool()])
            sequence = torch.cat([words[:1], images[index], words[1:]])[None]
            theirs = phi.generate(
                inputs_embeds=sequence,
                attention_mask=torch.ones(sequence.shape[:2], dtype=torch.long),
                max_new_tokens=12,
                do_sample=False,
                eos_token_id=None,
            )
            assert ours[index].tolist() == theirs[0].tolist()
    assert len(set(ours[0].tolist())) > 2  # it says something


def test_vision_tower_is_siglip(network: Moondream2Network) -> None:
    siglip = SiglipVisionModel(
        SiglipVisionConfig(
            hidden_size=32, intermediate_size=72, num_hidden_layers=3, num_attention_heads=4, image_size=42, patch_size=14,
            layer_norm_eps=1e-5, vision_use_head=False,
        )
    ).eval()  # fmt: skip
    tower = network.vision_encoder.encoder["model"]["visual"]  # type: ignore[index]
    state: dict[str, torch.Tensor] = {}
    for name, tensor in tower.state_dict().items():
        theirs = (
            name.replace("blocks.", "encoder.layers.")
            .replace("norm1", "layer_norm1")
            .replace("norm2", "layer_norm2")
            .replace("attn.proj", "self_attn.out_proj")
            .replace("patch_embed.linear", "embeddings.patch_embedding")
        )
        theirs = theirs.replace("norm.", "post_layernorm.") if theirs.startswith("norm.") else theirs
        if "qkv" in name:
            split = parts(tensor, ("q_proj", "k_proj", "v_proj"))
            state |= {theirs.replace("attn.qkv", f"self_attn.{part}"): weight for part, weight in split.items()}
        elif name == "pos_embed":
            state["embeddings.position_embedding.weight"] = tensor[0]
        elif name == "patch_embed.linear.weight":
            state[theirs] = tensor.view(32, 3, 14, 14)
        else:
            state[theirs] = tensor
    siglip.load_state_dict(state)
    pixels = torch.randn(2, 3, 42, 42)
    with torch.no_grad():
        torch.testing.assert_close(tower(pixels), siglip(pixels).last_hidden_state, rtol=1e-4, atol=1e-4)


def test_cache_keeps_what_it_was_given() -> None:
    cache = BlockCache(capacity=5)
    keys, values = torch.randn(2, 3, 5, 4), torch.randn(2, 3, 5, 4)
    for start, end in ((0, 3), (3, 4), (4, 5)):
        kept = cache.extend(keys[:, :, start:end], values[:, :, start:end])
        assert torch.equal(kept[0], keys[:, :, :end])
        assert torch.equal(kept[1], values[:, :, :end])


# The family


def test_loss_is_that_of_phi() -> None:
    """The library's own loss on start token, image, prompt and answer, labelled on the answer alone."""
    model = tiny()
    phi = as_phi(model.network)
    asked = [Example(target, example().image, "caption", target=target) for target in ("CT", "X-ray, left ankle")]
    batch = model.collate(asked)
    with torch.no_grad():
        images = model.network.vision_encoder(batch["pixel_values"])
        theirs = 0.0
        for row, image in enumerate(images):
            real = batch["attention_mask"][row].bool()
            words, labels = phi.get_input_embeddings()(batch["input_ids"][row][real]), batch["labels"][row][real]
            no_labels = torch.full((len(image),), IGNORED_LABEL)
            mean = phi(
                inputs_embeds=torch.cat([words[:1], image, words[1:]])[None],
                labels=torch.cat([labels[:1], no_labels, labels[1:]])[None],
            ).loss
            theirs += mean.item() * len(model.answer_ids(str(asked[row].target)))
        assert model.loss(batch).item() == pytest.approx(theirs, rel=1e-5)


def test_the_frame() -> None:
    model = tiny()
    assert model.prompt_text(example()) == "\n\nQuestion: Which plane?\n\nAnswer:"
    caption = Example("x", example().image, "caption", prefix="CT: ")
    assert model.prompt_text(caption) == "\n\nQuestion: CT: Describe.\n\nAnswer:"
    batch = model.collate([Example("x", example().image, "caption", target="Lungs")])
    whole = "<|endoftext|>\n\nQuestion: Describe.\n\nAnswer: Lungs<|endoftext|>"
    assert model.tokenizer.decode(batch["input_ids"][0]) == whole
    assert batch["labels"][0, 0] == IGNORED_LABEL  # the token that begins is the one that ends; only the end is learned


@pytest.mark.parametrize("side", [64, 100])
def test_pixels_are_those_of_the_checkpoints_own_transforms(side: int) -> None:
    transforms = v2.Compose(
        [
            v2.Resize(size=(64, 64), interpolation=v2.InterpolationMode.BICUBIC),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean=[0.5] * 3, std=[0.5] * 3),
        ]
    )
    image = example(side).image
    torch.testing.assert_close(tiny().pixel_values([image])[0], transforms(image), rtol=0, atol=1e-6)


def test_published_size_and_the_papers_count() -> None:
    settings = PUBLISHED_MODELS["moondream2"]
    model = load_skeleton(settings.build)
    assert model.image_tokens() == 729
    assert sum(parameter.numel() for parameter in model.network.parameters()) == 1_857_482_608
    rows = adapt(model, settings.adaptation, seed=1)
    assert trainable_parameters(model) == 74_422_272
    assert settings.printed is not None
    assert settings.printed.millions == round(74_422_272 / 1e6, 1)
    assert settings.printed.percent == round(100 * 74_422_272 / (1_857_482_608 + 74_422_272), 2)
    assert {(row.tower, row.module.rsplit(".", 1)[-1]) for row in rows} == {
        *(("language", name) for name in ("Wqkv", "out_proj", "fc1", "fc2")),
        *(("vision", name) for name in ("proj", "fc1", "fc2")),  # qkv ends in no name of the paper's list
        *(("connector", name) for name in ("fc1", "fc2")),
    }


def test_names_are_those_of_the_checkpoint() -> None:
    with torch.device("meta"):
        network = Moondream2Network(VisionSizes(num_hidden_layers=1), TextSizes(num_hidden_layers=1))
    visual = "vision_encoder.encoder.model.visual"
    linear = [
        f"{visual}.patch_embed.linear",
        *(f"{visual}.blocks.0.{name}" for name in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")),
        f"{visual}.norm",
        *(f"vision_encoder.projection.mlp.{name}" for name in ("fc1", "fc2")),
        *(f"text_model.transformer.h.0.{name}" for name in ("ln", "mixer.Wqkv", "mixer.out_proj", "mlp.fc1", "mlp.fc2")),
        "text_model.lm_head.ln",
        "text_model.lm_head.linear",
    ]
    both = {f"{name}.{kind}" for name in linear for kind in ("weight", "bias")}
    assert set(network.state_dict()) == both | {f"{visual}.pos_embed", "text_model.transformer.embd.wte.weight"}


def test_every_published_target_learns() -> None:
    model = tiny()
    adapt(model, PUBLISHED_MODELS["moondream2"].adaptation, seed=1)
    model.loss(model.collate([Example("x", example().image, "caption", target="CT")])).backward()
    gradients = {name: tensor.grad for name, tensor in model.network.named_parameters() if ".lora_B." in name}
    assert len(gradients) == 3 * 4 + 2 * 3 + 2
    assert all(gradient is not None and gradient.abs().max() > 0 for gradient in gradients.values())


# Checkpoints


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A small checkpoint laid out like the published one: half precision, code of its own, more rows of embeddings than tokens, a
    CodeGen tokenizer with a token for a run of spaces."""
    text = TextSizes(vocab_size=300, hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4)
    torch.manual_seed(5)
    network = Moondream2Network(VISION, text)
    save_file({name: tensor.half() for name, tensor in network.state_dict().items()}, tmp_path / "model.safetensors")
    config = {
        "architectures": ["Moondream"],
        "auto_map": {
            "AutoConfig": "configuration_moondream.MoondreamConfig",
            "AutoModelForCausalLM": "moondream.Moondream",
        },
        "model_type": "moondream1",
        "text_config": {"model_type": "phi", **asdict(text)},
        "vision_config": asdict(VISION),
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "moondream.py").write_text("raise RuntimeError('remote code was run')\n")
    (tmp_path / "configuration_moondream.py").write_text("raise RuntimeError('remote code was run')\n")
    symbols = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "CT", "<|endoftext|>"]
    vocabulary = {symbol: index for index, symbol in enumerate(symbols)}
    tokenizer = CodeGenTokenizer(vocab=vocabulary, merges=[("C", "T")])
    tokenizer.add_tokens(AddedToken("   ", normalized=True, special=False))
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def published_like(folder: Path) -> BuildSettings:
    return BUILD.model_copy(update={"sources": {"model": f"path:{folder}"}, "image_size": 42})


def from_checkpoint(folder: Path, precision: str = "float32") -> Moondream2:
    model = load_model(published_like(folder), weights_cache=folder, seed=1, precision=precision)
    assert isinstance(model, Moondream2)
    return model


def test_a_checkpoint_loads_by_name(checkpoint: Path) -> None:
    model = from_checkpoint(checkpoint)
    stored = load_file(checkpoint / "model.safetensors")
    state = model.network.state_dict()
    assert state.keys() == stored.keys()
    assert all(torch.equal(tensor, stored[name].float()) for name, tensor in state.items())
    assert all(parameter.requires_grad for parameter in model.network.parameters())
    assert {p.dtype for p in from_checkpoint(checkpoint, "bfloat16").network.parameters()} == {torch.bfloat16}
    skeleton = load_skeleton(published_like(checkpoint))
    assert {name: parameter.shape for name, parameter in skeleton.network.named_parameters()} == {
        name: parameter.shape for name, parameter in model.network.named_parameters()
    }


def test_the_tokenizer_of_a_checkpoint(checkpoint: Path) -> None:
    model = from_checkpoint(checkpoint)
    assert (model.end_id, model.pad_id) == (257, 257)
    assert model.encode("CT   ") == [256, 258]
    target = "CT: 3 mm ,   left."
    batch = model.collate([Example("x", example(42).image, "caption", target=target)])
    learned = batch["labels"][0][batch["labels"][0] != IGNORED_LABEL]
    assert model.tokenizer.decode(learned[:-1]) == f" {target}"
    assert learned[-1] == 257
    made = model.generate(model.collate([example(42)]), 4)
    assert made == from_checkpoint(checkpoint).generate(model.collate([example(42)]), 4)


def test_buffers_of_older_code_are_left_out(checkpoint: Path) -> None:
    tensors = load_file(checkpoint / "model.safetensors")
    tensors["text_model.transformer.h.0.mixer.rotary_emb.inv_freq"] = torch.zeros(8)
    save_file(tensors, checkpoint / "model.safetensors")
    assert not [name for name in from_checkpoint(checkpoint).network.state_dict() if "inv_freq" in name]


def altered(folder: Path, change: str) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    name = "text_model.transformer.h.1.mixer.Wqkv.bias"
    if change == "missing":
        del tensors[name]
    elif change == "unexpected":
        tensors["region_model.position_features.weight"] = torch.zeros(2)
    elif change == "later revision":  # the projection takes the image and its crops, side by side
        tensors["vision_encoder.projection.mlp.fc1.weight"] = torch.zeros(256, 64)
    save_file(tensors, file)
    if change == "cut off":
        file.write_bytes(file.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", r"lacks text_model\.transformer\.h\.1\.mixer\.Wqkv\.bias"),
        ("unexpected", r"has also region_model\.position_features\.weight"),
        ("later revision", r"projection\.mlp\.fc1\.weight has shape \[256, 64\], not \[256, 32\]"),
        ("cut off", "not a readable safetensors file"),
    ],
)
def test_other_checkpoints_are_refused(checkpoint: Path, change: str, message: str) -> None:
    altered(checkpoint, change)
    with pytest.raises(WeightsError, match=message):
        from_checkpoint(checkpoint)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attention": "eager"}, "build.attention: moondream2 does not follow it"),
        ({"quantisation": "nf4"}, "build.quantisation: moondream2 does not follow it"),
        ({"image_size": 72}, "not a multiple of patch_size"),
        ({"options": {"language_width": 90}}, "language width 90 is not a multiple of 16"),
        ({"options": {"visual_prompts": 2}}, "moondream2 has no visual_prompts"),
        ({"sources": {"model": "hub:a/b@main"}}, "made for 378"),
        ({"sources": {"model": "hub:a/b@main"}, "architecture": {"text_config": {"layers": 3}}}, "no such sizes"),
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_skeleton(BUILD.model_copy(update=changes))


def test_another_size_in_the_configuration_alone() -> None:
    build = PUBLISHED_MODELS["moondream2"].build.model_copy(update={"architecture": {"text_config": {"num_hidden_layers": 12}}})
    network = load_skeleton(build).network
    assert isinstance(network, Moondream2Network)
    assert (len(network.text_model.transformer.h), network.text.hidden_size) == (12, 2048)
