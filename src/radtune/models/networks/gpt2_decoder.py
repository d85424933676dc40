"""GPT-2's decoder with a cross-attention to image states in every block.

Its parts have GPT-2's names; the linear layers are `nn.Linear`, where GPT-2's checkpoints store transposed weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from radtune.models.networks.attention import join_heads, split_heads

INITIAL_DEVIATION = 0.02
"""Standard deviation of new weights, as in GPT-2."""


@dataclass(frozen=True)
class DecoderSizes:
    """Sizes of the decoder; the defaults are GPT-2's. Feed-forward layers are 4 times as wide as the states."""

    width: int = 768
    layers: int = 12
    heads: int = 12
    vocabulary: int = 50257
    positions: int = 1024
    dropout: float = 0.1


@dataclass
class BlockCache:
    """What one GPT-2 block keeps between generated tokens; each (rows, heads, positions, width / heads)."""

    keys: Tensor | None = None
    values: Tensor | None = None
    image_keys: Tensor | None = None
    image_values: Tensor | None = None


class CausalAttention(nn.Module):
    """GPT-2's self-attention, with GPT-2's names (as Linear, where GPT-2 stores transposed weights)."""

    def __init__(self, sizes: DecoderSizes) -> None:
        super().__init__()
        self.heads, self.dropout = sizes.heads, sizes.dropout
        self.c_attn = nn.Linear(sizes.width, 3 * sizes.width)
        self.c_proj = nn.Linear(sizes.width, sizes.width)

    def forward(self, states: Tensor, mask: Tensor, cache: BlockCache | None) -> Tensor:
        """``mask`` (rows, 1, new positions, all positions) is true where attention is allowed."""
        query, key, value = (split_heads(part, self.heads) for part in self.c_attn(states).chunk(3, dim=-1))
        if cache is not None:
            if cache.keys is not None and cache.values is not None:
                key, value = torch.cat([cache.keys, key], dim=2), torch.cat([cache.values, value], dim=2)
            cache.keys, cache.values = key, value
        dropout = self.dropout if self.training else 0.0
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        return functional.dropout(self.c_proj(join_heads(attended)), dropout)


class CrossAttention(nn.Module):
    """Attention of text positions to the states of the ViT block of the same depth."""

    def __init__(self, sizes: DecoderSizes) -> None:
        super().__init__()
        self.heads, self.dropout = sizes.heads, sizes.dropout
        self.q_proj = nn.Linear(sizes.width, sizes.width)
        self.k_proj = nn.Linear(sizes.width, sizes.width)
        self.v_proj = nn.Linear(sizes.width, sizes.width)
        self.out_proj = nn.Linear(sizes.width, sizes.width)

    def forward(self, states: Tensor, image: Tensor, cache: BlockCache | None) -> Tensor:
        """``image`` (rows, 1 + patches, width); its keys and values are computed once a text."""
        if cache is not None and cache.image_keys is not None and cache.image_values is not None:
            key, value = cache.image_keys, cache.image_values
        else:
            key, value = split_heads(self.k_proj(image), self.heads), split_heads(self.v_proj(image), self.heads)
            if cache is not None:
                cache.image_keys, cache.image_values = key, value
        dropout = self.dropout if self.training else 0.0
        attended = functional.scaled_dot_product_attention(
            split_heads(self.q_proj(states), self.heads), key, value, dropout_p=dropout
        )
        return functional.dropout(self.out_proj(join_heads(attended)), dropout)


class LanguageMLP(nn.Module):
    """GPT-2's feed-forward part, with GPT-2's names."""

    def __init__(self, sizes: DecoderSizes) -> None:
        super().__init__()
        self.dropout = sizes.dropout
        self.c_fc = nn.Linear(sizes.width, 4 * sizes.width)
        self.c_proj = nn.Linear(4 * sizes.width, sizes.width)

    def forward(self, states: Tensor) -> Tensor:
        """(rows, positions, width) to the same."""
        out = self.c_proj(functional.gelu(self.c_fc(states), approximate="tanh"))
        return functional.dropout(out, self.dropout if self.training else 0.0)


class LanguageBlock(nn.Module):
    """GPT-2's block with a cross-attention before the MLP, every part pre-norm."""

    def __init__(self, sizes: DecoderSizes) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(sizes.width, eps=1e-5)
        self.attn = CausalAttention(sizes)
        self.ln_2 = nn.LayerNorm(sizes.width, eps=1e-5)
        self.cross_attn = CrossAttention(sizes)
        self.ln_3 = nn.LayerNorm(sizes.width, eps=1e-5)
        self.mlp = LanguageMLP(sizes)

    def forward(self, states: Tensor, image: Tensor, mask: Tensor, cache: BlockCache | None) -> Tensor:
        """(rows, positions, width) to the same."""
        states = states + self.attn(self.ln_1(states), mask, cache)
        states = states + self.cross_attn(self.ln_2(states), image, cache)
        out: Tensor = states + self.mlp(self.ln_3(states))
        return out


class LanguageTower(nn.Module):
    """GPT-2 with cross-attentions; the head is the transpose of `wte`."""

    def __init__(self, sizes: DecoderSizes) -> None:
        super().__init__()
        self.dropout = sizes.dropout
        self.wte = nn.Embedding(sizes.vocabulary, sizes.width)
        self.wpe = nn.Embedding(sizes.positions, sizes.width)
        self.h = nn.ModuleList(LanguageBlock(sizes) for _ in range(sizes.layers))
        self.ln_f = nn.LayerNorm(sizes.width, eps=1e-5)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        image: list[Tensor],
        cache: list[BlockCache] | None = None,
        checkpointed: bool = False,
    ) -> Tensor:
        """Final states of ``input_ids`` (rows, new positions): (rows, new positions, width).

        ``attention_mask`` (rows, all positions) has ones where there is a token, those in ``cache`` included.
        """
        new, length = input_ids.shape[1], attention_mask.shape[1]
        positions = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)[:, -new:]
        states = self.wte(input_ids) + self.wpe(positions)
        states = functional.dropout(states, self.dropout if self.training else 0.0)
        place = torch.arange(length, device=input_ids.device)
        causal = place[None, :] <= place[length - new :, None]
        # A padding position attends to itself, so that no row of the attention is empty.
        itself = place[None, :] == place[length - new :, None]
        mask = (causal & attention_mask.bool()[:, None, None, :]) | itself
        for index, block in enumerate(self.h):
            kept = cache[index] if cache is not None else None
            if checkpointed:
                states = checkpoint(block, states, image[index], mask, kept, use_reentrant=False)
            else:
                states = block(states, image[index], mask, kept)
        out: Tensor = self.ln_f(states)
        return out

    def head(self, states: Tensor) -> Tensor:
        """Logits over the vocabulary."""
        return functional.linear(states, self.wte.weight)

    def greedy(
        self, input_ids: Tensor, attention_mask: Tensor, image: list[Tensor], maximum_new_tokens: int, end_id: int
    ) -> Tensor:
        """Token ids of the greedy continuations of left-padded prompts, (rows, new tokens); rows that have ended are filled up
        with ``end_id``. Stops where the positions end."""
        cache = [BlockCache() for _ in self.h]
        ended = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        written: list[Tensor] = []
        ids = input_ids
        for _ in range(min(maximum_new_tokens, self.wpe.num_embeddings - input_ids.shape[1])):
            states = self(ids, attention_mask, image, cache)
            following = self.head(states[:, -1]).argmax(dim=-1).masked_fill(ended, end_id)
            written.append(following)
            ended = ended | (following == end_id)
            if ended.all():
                break
            ids = following[:, None]
            attention_mask = torch.cat([attention_mask, torch.ones_like(ids)], dim=1)
        return torch.stack(written, dim=1) if written else input_ids[:, :0]


def initialise(module: nn.Module) -> None:
    """New weights as GPT-2's; for :meth:`torch.nn.Module.apply`."""
    if isinstance(module, nn.Linear | nn.Embedding | nn.Conv2d):
        nn.init.normal_(module.weight, std=INITIAL_DEVIATION)
    if isinstance(module, nn.Linear | nn.Conv2d) and module.bias is not None:
        nn.init.zeros_(module.bias)
