"""The VisionGPT2 network: ViT-B/16 and GPT-2 block by block, GPT-2's block i attending to the output of ViT's block i.

After the description of shreydan/VisionGPT2, written anew. 238,603,776 parameters at full size: 85,797,120 of the ViT (its
final norm is not used), 124,439,808 of GPT-2 (head tied to the word embeddings) and 28,366,848 of the cross-attentions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from radtune.models.networks.attention import VisionAttention
from radtune.models.networks.gpt2_decoder import INITIAL_DEVIATION, DecoderSizes, LanguageTower, initialise


@dataclass(frozen=True)
class VisionGPT2Sizes(DecoderSizes):
    """Sizes of the network; the defaults are the published ones. ViT and GPT-2 have equally many blocks of equal width; the ViT
    has no dropout."""

    image_size: int = 224
    patch_size: int = 16


class PatchEmbedding(nn.Module):
    """Square patches to vectors."""

    def __init__(self, sizes: VisionGPT2Sizes) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, sizes.width, sizes.patch_size, sizes.patch_size)

    def forward(self, pixels: Tensor) -> Tensor:
        """(rows, 3, side, side) to (rows, patches, width)."""
        patches: Tensor = self.proj(pixels)
        return patches.flatten(2).transpose(1, 2)


class VisionMLP(nn.Module):
    """Feed-forward part of a ViT block, with timm's names."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, states: Tensor) -> Tensor:
        """(rows, patches, width) to the same."""
        out: Tensor = self.fc2(functional.gelu(self.fc1(states)))
        return out


class VisionBlock(nn.Module):
    """One pre-norm ViT block."""

    def __init__(self, sizes: VisionGPT2Sizes) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(sizes.width, eps=1e-6)
        self.attn = VisionAttention(sizes.width, sizes.heads)
        self.norm2 = nn.LayerNorm(sizes.width, eps=1e-6)
        self.mlp = VisionMLP(sizes.width)

    def forward(self, states: Tensor) -> Tensor:
        """(rows, patches, width) to the same."""
        states = states + self.attn(self.norm1(states))
        out: Tensor = states + self.mlp(self.norm2(states))
        return out


class VisionTower(nn.Module):
    """ViT with timm's names, without final norm and head."""

    def __init__(self, sizes: VisionGPT2Sizes) -> None:
        super().__init__()
        patches = (sizes.image_size // sizes.patch_size) ** 2
        self.cls_token = nn.Parameter(torch.zeros(1, 1, sizes.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + patches, sizes.width))
        self.patch_embed = PatchEmbedding(sizes)
        self.blocks = nn.ModuleList(VisionBlock(sizes) for _ in range(sizes.layers))

    def forward(self, pixels: Tensor, checkpointed: bool = False) -> list[Tensor]:
        """Output of every block, each (rows, 1 + patches, width)."""
        states = self.patch_embed(pixels)
        states = torch.cat([self.cls_token.expand(len(states), -1, -1), states], dim=1) + self.pos_embed
        outputs = []
        for block in self.blocks:
            states = checkpoint(block, states, use_reentrant=False) if checkpointed else block(states)
            outputs.append(states)
        return outputs


class VisionGPT2Network(nn.Module):
    """ViT and GPT-2 in lock-step."""

    def __init__(self, sizes: VisionGPT2Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.checkpointed = False
        self.vision = VisionTower(sizes)
        self.language = LanguageTower(sizes)
        self.apply(initialise)
        nn.init.normal_(self.vision.pos_embed, std=INITIAL_DEVIATION)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, pixel_values: Tensor) -> Tensor:
        """Final states of the text, (rows, positions, width)."""
        checkpointed = self.checkpointed and self.training
        image = self.vision(pixel_values, checkpointed)
        out: Tensor = self.language(input_ids, attention_mask, image, checkpointed=checkpointed)
        return out

    def greedy(
        self, input_ids: Tensor, attention_mask: Tensor, pixel_values: Tensor, maximum_new_tokens: int, end_id: int
    ) -> Tensor:
        """Token ids of the greedy continuations of left-padded prompts, (rows, new tokens); rows that have ended are filled up
        with ``end_id``. Stops where GPT-2's positions end."""
        return self.language.greedy(input_ids, attention_mask, self.vision(pixel_values), maximum_new_tokens, end_id)
