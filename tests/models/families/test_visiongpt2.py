from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, ViTConfig, ViTModel

from radtune.errors import WeightsError
from radtune.models.families.visiongpt2 import load_language, load_vision
from radtune.models.networks.visiongpt2 import VisionGPT2Network, VisionGPT2Sizes

SIZES = VisionGPT2Sizes(image_size=32, patch_size=8, width=32, layers=3, heads=4, vocabulary=50, positions=40)


@pytest.fixture
def network() -> VisionGPT2Network:
    torch.manual_seed(1)
    return VisionGPT2Network(SIZES).eval()


def test_language_tower_is_gpt2(network: VisionGPT2Network, tmp_path: Path) -> None:
    """With silent cross-attention, and the norm that GPT-2 has before its MLP put where it stood, the logits are GPT-2's."""
    torch.manual_seed(2)
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=40, n_embd=32, n_layer=3, n_head=4)).eval()
    for parameter in gpt2.parameters():
        parameter.data += torch.randn_like(parameter) * 0.1
    gpt2.transformer.save_pretrained(tmp_path)
    load_language(network, tmp_path / "model.safetensors")
    for block in network.language.h:
        torch.nn.init.zeros_(block.cross_attn.out_proj.weight)
        block.ln_3.load_state_dict(block.ln_2.state_dict())
    ids = torch.randint(0, 50, (2, 11))
    image = network.vision(torch.zeros(2, 3, 32, 32))
    with torch.no_grad():
        ours = network.language.head(network.language(ids, torch.ones_like(ids), image))
        theirs = gpt2(ids).logits
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_vision_tower_is_vit(network: VisionGPT2Network, tmp_path: Path) -> None:
    """Every block's output equals that of transformers' ViT with the same weights under timm's names."""
    torch.manual_seed(3)
    config = ViTConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128, image_size=32, patch_size=8,
        layer_norm_eps=1e-6,
    )  # fmt: skip
    vit = ViTModel(config, add_pooling_layer=False).eval()
    for parameter in vit.parameters():
        parameter.data += torch.randn_like(parameter) * 0.1
    theirs = vit.state_dict()
    tensors = {
        "cls_token": theirs["embeddings.cls_token"],
        "pos_embed": theirs["embeddings.position_embeddings"],
        "patch_embed.proj.weight": theirs["embeddings.patch_embeddings.projection.weight"],
        "patch_embed.proj.bias": theirs["embeddings.patch_embeddings.projection.bias"],
        "norm.weight": theirs["layernorm.weight"],  # timm's file has a final norm and a head; both are left out
    }
    blocks = [(name, module) for name, module in vit.named_modules() if type(module).__name__ == "ViTLayer"]
    for index, (_, block) in enumerate(blocks):
        linears = [module for module in block.modules() if isinstance(module, torch.nn.Linear)]
        norms = [module for module in block.modules() if isinstance(module, torch.nn.LayerNorm)]
        by_name = {name.rsplit(".", 1)[-1]: module for name, module in block.named_modules() if module in linears}
        query, key, value = (by_name[name] for name in _attention_names(by_name))
        rest = [module for module in linears if module not in (query, key, value)]
        out = next(module for module in rest if module.in_features == module.out_features)
        up = next(module for module in rest if module.out_features == 128)
        down = next(module for module in rest if module.in_features == 128)
        for kind in ("weight", "bias"):
            prefix = f"blocks.{index}."
            tensors[f"{prefix}attn.qkv.{kind}"] = torch.cat([getattr(part, kind) for part in (query, key, value)])
            tensors[f"{prefix}attn.proj.{kind}"] = getattr(out, kind)
            tensors[f"{prefix}mlp.fc1.{kind}"] = getattr(up, kind)
            tensors[f"{prefix}mlp.fc2.{kind}"] = getattr(down, kind)
            tensors[f"{prefix}norm1.{kind}"] = getattr(norms[0], kind)
            tensors[f"{prefix}norm2.{kind}"] = getattr(norms[1], kind)
    save_file({name: tensor.detach().clone() for name, tensor in tensors.items()}, tmp_path / "vit.safetensors")
    load_vision(network, tmp_path / "vit.safetensors")
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        outputs = network.vision(pixels)
        expected = vit(pixels, output_hidden_states=True).hidden_states[1:]
    for ours, block_output in zip(outputs[:-1], expected[:-1], strict=True):
        torch.testing.assert_close(ours, block_output, rtol=1e-4, atol=1e-4)
    normed = torch.nn.functional.layer_norm(outputs[-1], (32,), vit.layernorm.weight, vit.layernorm.bias, 1e-6)
    torch.testing.assert_close(normed, vit(pixels).last_hidden_state, rtol=1e-4, atol=1e-4)


def _attention_names(names: dict[str, torch.nn.Module]) -> tuple[str, str, str]:
    return ("query", "key", "value") if "query" in names else ("q_proj", "k_proj", "v_proj")


def test_files_that_do_not_fit(network: VisionGPT2Network, tmp_path: Path) -> None:
    save_file({"wte.weight": torch.zeros(50, 32)}, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match="no tensor wpe"):
        load_language(network, tmp_path / "a.safetensors")
    save_file({"cls_token": torch.zeros(1, 1, 8)}, tmp_path / "b.safetensors")
    with pytest.raises(WeightsError, match=r"cls_token has shape \(1, 1, 8\)"):
        load_vision(network, tmp_path / "b.safetensors")


def test_block_i_attends_to_vision_block_i(network: VisionGPT2Network) -> None:
    """A change of one ViT block's output moves the text through that block's cross-attention alone."""
    ids = torch.randint(0, 50, (1, 5))
    image = network.vision(torch.randn(1, 3, 32, 32))
    reached = []
    for index, block in enumerate(network.language.h):
        block.cross_attn.register_forward_hook(lambda _, inputs, __, index=index: reached.append((index, inputs[1])))
    with torch.no_grad():
        network.language(ids, torch.ones_like(ids), image)
    assert [index for index, _ in reached] == [0, 1, 2]
    assert all(states is image[index] for index, states in reached)


def test_cached_generation_equals_generation_from_scratch(network: VisionGPT2Network) -> None:
    torch.manual_seed(4)
    for parameter in network.parameters():
        parameter.data += torch.randn_like(parameter) * 0.1
    ids = torch.randint(0, 50, (2, 6))
    mask = torch.tensor([[0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]])
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        made = network.greedy(ids, mask, pixels, 12, end_id=-1)
        for row, start in ((0, 2), (1, 0)):
            text = ids[row : row + 1, start:]
            for token in made[row]:
                best = network.language.head(network(text, torch.ones_like(text), pixels[row : row + 1])[:, -1]).argmax()
                assert best == token
                text = torch.cat([text, best.view(1, 1)], dim=1)


def test_stops_where_positions_end(network: VisionGPT2Network) -> None:
    ids = torch.zeros((1, 38), dtype=torch.long)
    with torch.no_grad():
        assert network.greedy(ids, torch.ones_like(ids), torch.zeros(1, 3, 32, 32), 10, end_id=-1).shape == (1, 2)


def test_new_weights(network: VisionGPT2Network) -> None:
    cross = network.language.h[0].cross_attn
    assert cross.q_proj.weight.std().item() == pytest.approx(0.02, rel=0.15)
    assert cross.q_proj.bias.abs().max() == 0
