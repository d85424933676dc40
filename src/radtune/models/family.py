"""What every architecture offers to training and inference, whatever is inside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from radtune.config.models import BuildSettings, Task

if TYPE_CHECKING:
    from PIL.Image import Image

Tower = Literal["vision", "connector", "language"]

IGNORED_LABEL = -100
"""Label of a position that is not learned: torch's and transformers' convention."""


@dataclass(frozen=True)
class Example:
    """One image and what is asked about it."""

    row_id: str
    image: Image
    """RGB, the standardised square."""
    task: Task
    question: str = ""
    """The question, for task `question`."""
    prefix: str = ""
    """Predicted modality put before the instruction, such as `CT: `; empty in the plain arm."""
    target: str | None = None
    """Caption or answer to learn; None when generating."""


@dataclass(frozen=True)
class Generated:
    """What a model wrote for one example."""

    text: str
    """Without special tokens, stripped."""
    tokens: int
    """New tokens, the end token not counted."""
    stopped: Literal["end", "length"]
    """Whether the model ended its text or met the limit."""


@dataclass(frozen=True)
class Stage:
    """One stage of a staged fine-tuning."""

    epoch: int
    """First epoch (from 0) in which these modules are trained too."""
    modules: tuple[str, ...]
    """Regular expressions; a parameter belongs to the stage if its whole name matches one."""


@dataclass
class FamilyModel(ABC):
    """A network together with the way its family makes prompts and labels, and generates.

    Batches are made by :meth:`collate` on the CPU; :meth:`loss` and :meth:`generate` move them to the network's device.
    """

    network: nn.Module
    """Holds every parameter, under stable names."""
    build: BuildSettings
    towers: Mapping[Tower, tuple[str, ...]]
    """Module-name prefixes in `network` of each tower; the head belongs to the language tower."""
    tokenizer: Any
    """A fast transformers tokenizer; None for a skeleton without weights."""
    stages: tuple[Stage, ...] = ()
    """For strategy `staged`, in order; empty if the family has none."""

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.network.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the network's weights."""
        return next(self.network.parameters()).dtype

    @abstractmethod
    def prompt_text(self, example: Example) -> str:
        """The prompt as the model sees it, without image placeholders."""

    @abstractmethod
    def collate(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """A batch, on the CPU. With targets: padded on the right, with `labels` (IGNORED_LABEL everywhere but on the answer and its
        end token). Without: padded on the left, ready for :meth:`generate`.

        An answer with its end token is cut to `build.maximum_text_tokens` (an answer that is cut has no end token to learn);
        prompts and image tokens never are. Raises ``ValueError`` if only some examples have a target.
        """

    @abstractmethod
    def loss(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Sum of the cross-entropies of all label tokens, float32 scalar; divide by :meth:`label_tokens` for the mean."""

    @abstractmethod
    def generate(self, batch: Mapping[str, Tensor], maximum_new_tokens: int) -> list[Generated]:
        """Greedy continuation of each row, in order. The text of a row does not depend on the others in the batch (exactly so in
        float32; in bfloat16 rounding may differ with the shape of the batch)."""

    @abstractmethod
    def image_tokens(self) -> int:
        """Positions the language model spends on, or attends to for, one image."""

    @abstractmethod
    def text_tokens(self, example: Example) -> int:
        """Tokens of prompt and answer, image tokens left out: what batches are grouped by."""

    @abstractmethod
    def enable_activation_checkpointing(self) -> None:
        """Recompute activations in the backward pass from now on."""

    def label_tokens(self, batch: Mapping[str, Tensor]) -> int:
        """Number of tokens that :meth:`loss` sums over."""
        return int((batch["labels"] != IGNORED_LABEL).sum())

    @abstractmethod
    def total_tokens(self, batch: Mapping[str, Tensor]) -> int:
        """All tokens of a batch, image tokens included, padding not."""

    def on_device(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The batch where the network is, floating-point tensors in its precision."""
        return {
            name: tensor.to(self.device, self.dtype if tensor.is_floating_point() else None) for name, tensor in batch.items()
        }
