"""Memory of a training on one device. docs/planning.md has the formulas."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from radtune.config.models import ModelSettings
from radtune.models.family import FamilyModel
from radtune.planning.compute import reached
from radtune.planning.layers import Work

GIB = 1 << 30
BYTES = {"float32": 4, "bfloat16": 2}
NF4_BYTES = 0.5 + 0.127 / 8
"""A weight in NF4 with double quantisation: 4 bits, and 0.127 bits of scales (QLoRA, arXiv 2305.14314, section 3)."""


@dataclass(frozen=True)
class Memory:
    """Bytes at the moment of a training step when most is held."""

    weights: int
    gradients: int
    optimiser: int
    """AdamW's two moments, and float32 copies of what is trained in bfloat16."""
    activations_kept: int
    """Without activation checkpointing."""
    activations_recomputed: int
    """With it."""
    activations: int
    """As configured."""

    @property
    def total(self) -> int:
        """The peak."""
        return self.weights + self.gradients + self.optimiser + self.activations


def training_memory(model: FamilyModel, settings: ModelSettings, work: Work, trained: int) -> Memory:
    """Memory of training ``trained`` parameters of an adapted skeleton with `training.batch_size` rows a pass."""
    size = BYTES[settings.training.precision]
    low_precision = size < BYTES["float32"]
    # The gradients of a pass stand beside the float32 sums of the passes before it.
    gradients = trained * (size + 4 if low_precision else 4)
    optimiser = trained * (8 + (4 if low_precision else 0))
    rows = settings.training.batch_size
    kept, recomputed = (rows * count for count in activation_bytes(work, size))
    used = recomputed if settings.training.activation_checkpointing else kept
    return Memory(_weight_bytes(model, settings, size), gradients, optimiser, kept, recomputed, used)


def activation_bytes(work: Work, size: int) -> tuple[int, int]:
    """Bytes one row keeps for the backward pass, without and with activation checkpointing; ``size`` bytes a number.

    Every layer the gradient reaches keeps its input and its output. For a GPT layer that is 36 bytes a position and unit of width
    in 16 bits; Korthikanti et al. (2022, arXiv 2205.05198, section 4.1) count 34 piece by piece. Scores of attention are not
    kept: torch's own attention recomputes them. With checkpointing a block keeps its input alone, and one block at a time is
    whole again.
    """
    through = reached(work)
    blocks = dict.fromkeys(work.blocks, 0)
    outside = 0
    for layer in work.layers:
        if layer.tower not in through:
            continue
        if layer.block:
            blocks[layer.block] += layer.values
        else:
            outside += layer.values
    inputs = sum(block.width * block.positions for block in work.blocks.values() if block.tower in through)
    # Logits in the network's precision, their log-probabilities and the gradient of these in float32.
    logits = work.size.answer_tokens * work.vocabulary * (size + 4 + 4)
    kept = size * (outside + sum(blocks.values())) + logits
    return kept, size * (outside + inputs + max(blocks.values(), default=0)) + logits


def _weight_bytes(model: FamilyModel, settings: ModelSettings, size: int) -> int:
    """All parameters; with NF4, the frozen linear layers but the head in four bits."""
    total = sum(parameter.numel() for parameter in model.network.parameters())
    if settings.build.quantisation == "none":
        return total * size
    head = model.output_head()
    in_four_bits = sum(
        module.weight.numel()
        for name, module in model.network.named_modules()
        if isinstance(module, nn.Linear) and not module.weight.requires_grad and name != head
    )
    return round(in_four_bits * NF4_BYTES) + (total - in_four_bits) * size
