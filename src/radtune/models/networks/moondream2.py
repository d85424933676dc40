"""The moondream2 network of revision 2024-05-08: SigLIP so400m, a two-layer projection and Phi-1.5.

That revision's own code does not run on today's transformers, so this is the same network written anew, after its description,
with the parameter names of the published checkpoint: 1,857,482,608 parameters at full size. Revisions from 2024-05-20 on have
another projection, and those of 2025 other names; they do not fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from radtune.models.networks.attention import VisionAttention, join_heads, split_heads

INITIAL_DEVIATION = 0.02
"""Standard deviation of new weights, as in Phi."""
NORM_EPSILON = 1e-5
"""Of every layer norm; that of the vision tower is torch's default there, not SigLIP's 1e-6."""
ROTARY_BASE = 10_000.0
"""Base of the rotary frequencies; Phi turns one half of each head by them and leaves the other as it is."""


@dataclass(frozen=True)
class VisionSizes:
    """Sizes of the vision tower, spelled as in a `vision_config`; the defaults are the published ones."""

    image_size: int = 378
    patch_size: int = 14
    hidden_size: int = 1152
    intermediate_size: int = 4304
    num_hidden_layers: int = 27
    num_attention_heads: int = 16

    @property
    def patches(self) -> int:
        """Patches of an image, each of which becomes one token."""
        return (self.image_size // self.patch_size) ** 2


@dataclass(frozen=True)
class TextSizes:
    """Sizes of Phi, spelled as in a `text_config`; the defaults are the published ones."""

    vocab_size: int = 51_200
    hidden_size: int = 2048
    intermediate_size: int = 8192
    num_hidden_layers: int = 24
    num_attention_heads: int = 32

    @property
    def rotary_width(self) -> int:
        """Dimensions of each head that are turned by the position."""
        return self.hidden_size // self.num_attention_heads // 2


class MLP(nn.Module):
    """Two linear layers with the tanh approximation of GELU between them."""

    def __init__(self, width: int, hidden: int, out: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, out)

    def forward(self, states: Tensor) -> Tensor:
        """(…, width) to (…, out)."""
        states = self.fc2(functional.gelu(self.fc1(states), approximate="tanh"))
        return states


class PatchEmbedding(nn.Module):
    """Square patches to vectors by a linear layer over channels, rows and columns (SigLIP's convolution, unrolled)."""

    def __init__(self, sizes: VisionSizes) -> None:
        super().__init__()
        self.patch_size = sizes.patch_size
        self.linear = nn.Linear(3 * sizes.patch_size**2, sizes.hidden_size)

    def forward(self, pixels: Tensor) -> Tensor:
        """(rows, 3, side, side) to (rows, patches, width)."""
        patches = functional.unfold(pixels, self.patch_size, stride=self.patch_size).transpose(1, 2)
        states: Tensor = self.linear(patches)
        return states


class VisionBlock(nn.Module):
    """One pre-norm block."""

    def __init__(self, sizes: VisionSizes) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(sizes.hidden_size, eps=NORM_EPSILON)
        self.attn = VisionAttention(sizes.hidden_size, sizes.num_attention_heads)
        self.norm2 = nn.LayerNorm(sizes.hidden_size, eps=NORM_EPSILON)
        self.mlp = MLP(sizes.hidden_size, sizes.intermediate_size, sizes.hidden_size)

    def forward(self, states: Tensor) -> Tensor:
        """(rows, patches, width) to the same."""
        states = states + self.attn(self.norm1(states))
        out: Tensor = states + self.mlp(self.norm2(states))
        return out


class VisionTransformer(nn.Module):
    """SigLIP's tower without its pooling head."""

    def __init__(self, sizes: VisionSizes) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(sizes)
        self.pos_embed = nn.Parameter(torch.zeros(1, sizes.patches, sizes.hidden_size))
        self.blocks = nn.ModuleList(VisionBlock(sizes) for _ in range(sizes.num_hidden_layers))
        self.norm = nn.LayerNorm(sizes.hidden_size, eps=NORM_EPSILON)

    def forward(self, pixels: Tensor, checkpointed: bool = False) -> Tensor:
        """(rows, 3, side, side) to (rows, patches, width)."""
        states = self.patch_embed(pixels) + self.pos_embed
        for block in self.blocks:
            states = checkpoint(block, states, use_reentrant=False) if checkpointed else block(states)
        out: Tensor = self.norm(states)
        return out


class VisionEncoder(nn.Module):
    """Vision tower and projection, nested as in the checkpoint."""

    def __init__(self, vision: VisionSizes, text: TextSizes) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict({"model": nn.ModuleDict({"visual": VisionTransformer(vision)})})
        self.projection = nn.ModuleDict({"mlp": MLP(vision.hidden_size, 4 * text.hidden_size, text.hidden_size)})

    def forward(self, pixels: Tensor, checkpointed: bool = False) -> Tensor:
        """(rows, 3, side, side) to image embeddings (rows, patches, width of the text)."""
        embeddings: Tensor = self.projection["mlp"](self.encoder["model"]["visual"](pixels, checkpointed))  # type: ignore[index]
        return embeddings


class BlockCache:
    """Keys and values of one block, in memory that has room for the whole text from the start."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        """Most positions it can hold."""
        self.length = 0
        """Positions it holds."""
        self._keys: Tensor | None = None
        self._values: Tensor | None = None

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add (rows, heads, new positions, width of a head); return all so far."""
        if self._keys is None or self._values is None:
            shape = (*keys.shape[:2], self.capacity, keys.shape[3])
            self._keys, self._values = keys.new_empty(shape), values.new_empty(shape)
        end = self.length + keys.shape[2]
        self._keys[:, :, self.length : end] = keys
        self._values[:, :, self.length : end] = values
        self.length = end
        return self._keys[:, :, :end], self._values[:, :, :end]


@dataclass(frozen=True)
class Rotation:
    """Cosines and sines of the rotary angles, each (rows, 1, positions, rotary width)."""

    cosines: Tensor
    sines: Tensor

    @classmethod
    def at(cls, positions: Tensor, width: int, dtype: torch.dtype) -> Rotation:
        """Angles of ``positions`` (rows, positions), worked out in float32."""
        exponents = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32) / width
        angles = positions[:, None, :, None] * ROTARY_BASE**-exponents
        angles = torch.cat([angles, angles], dim=-1)
        return cls(angles.cos().to(dtype), angles.sin().to(dtype))

    def turn(self, states: Tensor) -> Tensor:
        """Turn the first dimensions of each head, dimension i together with i + rotary width / 2."""
        width = self.cosines.shape[-1]
        turned, kept = states[..., :width], states[..., width:]
        first, second = turned.chunk(2, dim=-1)
        turned = turned * self.cosines + torch.cat([-second, first], dim=-1) * self.sines
        return torch.cat([turned, kept], dim=-1)


class Mixer(nn.Module):
    """Phi's self-attention, with the checkpoint's names."""

    def __init__(self, sizes: TextSizes) -> None:
        super().__init__()
        self.heads = sizes.num_attention_heads
        self.Wqkv = nn.Linear(sizes.hidden_size, 3 * sizes.hidden_size)
        self.out_proj = nn.Linear(sizes.hidden_size, sizes.hidden_size)

    def forward(self, states: Tensor, rotation: Rotation, mask: Tensor, cache: BlockCache | None) -> Tensor:
        """``mask`` (rows, 1, new positions, all positions) is true where attention is allowed."""
        query, key, value = (split_heads(part, self.heads) for part in self.Wqkv(states).chunk(3, dim=-1))
        query, key = rotation.turn(query), rotation.turn(key)
        if cache is not None:
            key, value = cache.extend(key, value)
        attended: Tensor = self.out_proj(join_heads(functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)))
        return attended


class TextBlock(nn.Module):
    """Phi's block: one norm feeds attention and MLP side by side."""

    def __init__(self, sizes: TextSizes) -> None:
        super().__init__()
        self.ln = nn.LayerNorm(sizes.hidden_size, eps=NORM_EPSILON)
        self.mixer = Mixer(sizes)
        self.mlp = MLP(sizes.hidden_size, sizes.intermediate_size, sizes.hidden_size)

    def forward(self, states: Tensor, rotation: Rotation, mask: Tensor, cache: BlockCache | None) -> Tensor:
        """(rows, new positions, width) to the same."""
        normed = self.ln(states)
        out: Tensor = states + self.mixer(normed, rotation, mask, cache) + self.mlp(normed)
        return out


class Transformer(nn.Module):
    """Phi's embeddings and blocks."""

    def __init__(self, sizes: TextSizes) -> None:
        super().__init__()
        self.rotary_width = sizes.rotary_width
        self.embd = nn.ModuleDict({"wte": nn.Embedding(sizes.vocab_size, sizes.hidden_size)})
        self.h = nn.ModuleList(TextBlock(sizes) for _ in range(sizes.num_hidden_layers))

    def embed(self, input_ids: Tensor) -> Tensor:
        """Word embeddings, (rows, positions, width)."""
        embeddings: Tensor = self.embd["wte"](input_ids)
        return embeddings

    def forward(
        self,
        states: Tensor,
        positions: Tensor,
        mask: Tensor,
        cache: list[BlockCache] | None = None,
        checkpointed: bool = False,
    ) -> Tensor:
        """Output of the last block (before the head's norm) for embeddings ``states`` (rows, new positions, width).

        ``positions`` (rows, new positions) of the embeddings; ``mask`` as in :class:`Mixer`.
        """
        rotation = Rotation.at(positions, self.rotary_width, states.dtype)
        for index, block in enumerate(self.h):
            kept = cache[index] if cache is not None else None
            if checkpointed:
                states = checkpoint(block, states, rotation, mask, kept, use_reentrant=False)
            else:
                states = block(states, rotation, mask, kept)
        return states


class LanguageHead(nn.Module):
    """The final norm and the vocabulary projection (with bias, not tied to the embeddings)."""

    def __init__(self, sizes: TextSizes) -> None:
        super().__init__()
        self.ln = nn.LayerNorm(sizes.hidden_size, eps=NORM_EPSILON)
        self.linear = nn.Linear(sizes.hidden_size, sizes.vocab_size)

    def forward(self, states: Tensor) -> Tensor:
        """(…, width) to logits (…, vocabulary)."""
        logits: Tensor = self.linear(self.ln(states))
        return logits


class TextModel(nn.Module):
    """Phi with its head."""

    def __init__(self, sizes: TextSizes) -> None:
        super().__init__()
        self.transformer = Transformer(sizes)
        self.lm_head = LanguageHead(sizes)


class Moondream2Network(nn.Module):
    """Start token, image embeddings and text in one causal sequence.

    The sequence lies in memory with the image first, then the text with its padding, on whichever side. Positions, not places,
    decide what attends to what: the start token has position 0, the image follows, then the rest of the text.
    """

    def __init__(self, vision: VisionSizes, text: TextSizes) -> None:
        super().__init__()
        self.vision, self.text = vision, text
        self.checkpointed = False
        self.vision_encoder = VisionEncoder(vision, text)
        self.text_model = TextModel(text)
        self.apply(_initialise)
        nn.init.normal_(self.vision_encoder.encoder["model"]["visual"].pos_embed, std=INITIAL_DEVIATION)  # type: ignore[index]

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        pixel_values: Tensor,
        cache: list[BlockCache] | None = None,
    ) -> Tensor:
        """States of the text, (rows, tokens, width), which :class:`LanguageHead` turns into logits.

        ``input_ids`` and ``attention_mask`` (rows, tokens), padded on either side; each row begins with the start token.
        """
        checkpointed = self.checkpointed and self.training
        image = self.vision_encoder(pixel_values, checkpointed)
        states = torch.cat([image, self.text_model.transformer.embed(input_ids)], dim=1)
        places = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)
        after_start = torch.arange(1, self.vision.patches + 1, device=input_ids.device).expand(len(input_ids), -1)
        positions = torch.cat([after_start, places + self.vision.patches * (places > 0)], dim=1)
        # Padding on the left has position 0 and so attends to the start token: no row of the attention is empty.
        mask = self._keys(attention_mask) & (positions[:, None, None, :] <= positions[:, None, :, None])
        states = self.text_model.transformer(states, positions, mask, cache, checkpointed)
        text: Tensor = states[:, self.vision.patches :]
        return text

    def greedy(
        self, input_ids: Tensor, attention_mask: Tensor, pixel_values: Tensor, maximum_new_tokens: int, end_id: int
    ) -> Tensor:
        """Token ids of the greedy continuations of left-padded prompts, (rows, new tokens); rows that have ended are filled up
        with ``end_id``."""
        transformer, head = self.text_model.transformer, self.text_model.lm_head
        capacity = self.vision.patches + input_ids.shape[1] + maximum_new_tokens - 1
        cache = [BlockCache(capacity) for _ in transformer.h]
        states = self(input_ids, attention_mask, pixel_values, cache)
        positions = self.vision.patches + attention_mask.sum(dim=1, keepdim=True)
        ended = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        written: list[Tensor] = []
        while True:
            following = head(states[:, -1]).argmax(dim=-1).masked_fill(ended, end_id)
            written.append(following)
            ended = ended | (following == end_id)
            if ended.all() or len(written) == maximum_new_tokens:
                return torch.stack(written, dim=1)
            ids = following[:, None]
            attention_mask = torch.cat([attention_mask, torch.ones_like(ids)], dim=1)
            states = transformer(transformer.embed(ids), positions, self._keys(attention_mask), cache)
            positions = positions + 1

    def _keys(self, attention_mask: Tensor) -> Tensor:
        """Which positions in memory are no padding, (rows, 1, 1, patches + tokens)."""
        return functional.pad(attention_mask.bool(), (self.vision.patches, 0), value=True)[:, None, None, :]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=INITIAL_DEVIATION)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
