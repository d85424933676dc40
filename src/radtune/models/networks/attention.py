"""Attention heads, and the self-attention of vision transformers."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


def split_heads(states: Tensor, heads: int) -> Tensor:
    """(rows, positions, width) to (rows, heads, positions, width / heads)."""
    return states.view(*states.shape[:-1], heads, -1).transpose(1, 2)


def join_heads(states: Tensor) -> Tensor:
    """The inverse of :func:`split_heads`."""
    return states.transpose(1, 2).flatten(2)


class VisionAttention(nn.Module):
    """Self-attention of a ViT block, every patch to every patch, with timm's names."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, states: Tensor) -> Tensor:
        """(rows, patches, width) to the same."""
        query, key, value = (split_heads(part, self.heads) for part in self.qkv(states).chunk(3, dim=-1))
        attended: Tensor = self.proj(join_heads(functional.scaled_dot_product_attention(query, key, value)))
        return attended
