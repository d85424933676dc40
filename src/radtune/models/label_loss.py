"""The training loss, with logits only where there is something to learn."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from radtune.models.sequences import IGNORED_LABEL


def label_loss(states: Tensor, labels: Tensor, head: Callable[[Tensor], Tensor]) -> Tensor:
    """Sum of the cross-entropies of the label tokens, float32 scalar.

    ``states`` (rows, positions, width): the hidden state that predicts the token at the same position of ``labels``
    (rows, positions). Only states with a label pass through the head: with a vocabulary of 257,216 the logits of a whole
    PaliGemma sequence would be the largest tensor of the step.
    """
    learned = labels != IGNORED_LABEL
    logits = head(states[learned]).float()
    return functional.cross_entropy(logits, labels[learned], reduction="sum")
