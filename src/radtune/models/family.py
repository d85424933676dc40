"""What every architecture offers to training and inference, whatever is inside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import torch
from torch import Tensor, nn

from radtune.config.models import BuildSettings, Task
from radtune.models.sequences import IGNORED_LABEL, padded

if TYPE_CHECKING:
    from PIL.Image import Image

Tower = Literal["vision", "connector", "language"]


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
    """First epoch (from 0) in which these parameters are trained too."""
    parameters: tuple[str, ...]
    """Regular expressions; a parameter belongs to the stage if its whole name matches one."""


@dataclass
class FamilyModel(ABC):
    """A network together with the way its family makes prompts and labels, and generates.

    Batches are made by :meth:`collate` on the CPU; :meth:`loss` and :meth:`generate` move them to the network's device.
    """

    network: nn.Module
    """Holds every parameter, under stable names."""
    build: BuildSettings
    tokenizer: Any
    """A fast transformers tokenizer; None for a skeleton, which has neither weights nor words."""
    trained_names: tuple[str, ...] = ()
    """Names of all parameters that training may change; set by :func:`radtune.models.adaptation.adapt`."""

    towers: ClassVar[Mapping[Tower, str]]
    """Regular expression of the names that each tower's modules begin with; the first that matches counts. The output head
    belongs to the language tower."""
    stages: ClassVar[tuple[Stage, ...]] = ()
    """For strategy `staged`, in order; empty if the family has none."""
    image_tokens_in_text: ClassVar[bool]
    """Whether the token ids of a prompt hold a placeholder for each image token."""
    image_in_sequence: ClassVar[bool] = True
    """Whether the image's tokens take positions of the decoder's sequence; False if it reaches them by cross-attention."""
    options_taken: ClassVar[frozenset[str]] = frozenset()
    """Which of :data:`radtune.models.load.OPTIONS` the family follows; the others are refused instead of being ignored."""
    new_parameters: ClassVar[str] = ""
    """Regular expression of the parameters that no checkpoint brings: whatever the strategy, they must be trained."""

    # How a family is built

    @classmethod
    @abstractmethod
    def load(cls, build: BuildSettings, *, weights_cache: Path, precision: str) -> Self:
        """The model with its weights, in evaluation mode; new weights are drawn from torch's generator.

        ``precision`` is a key of :data:`radtune.models.parts.PRECISIONS`.
        """

    @classmethod
    @abstractmethod
    def skeleton(cls, build: BuildSettings) -> Self:
        """The model at the size of ``build`` on the meta device, without a download: every shape, no weights, no tokenizer."""

    # What a family says about itself

    @property
    @abstractmethod
    def end_id(self) -> int:
        """Token that ends an answer."""

    @property
    @abstractmethod
    def pad_id(self) -> int:
        """Token that fills up short rows; it is never attended to."""

    @abstractmethod
    def image_tokens(self) -> int:
        """Positions that one image takes in what the language model attends to."""

    @abstractmethod
    def prompt_text(self, example: Example) -> str:
        """The prompt as the model sees it, without image placeholders."""

    @abstractmethod
    def prompt_ids(self, example: Example) -> list[int]:
        """Token ids of the prompt, image placeholders included where the family has them."""

    @abstractmethod
    def answer_text(self, target: str) -> str:
        """Caption or answer as it follows the prompt, without the end token."""

    @abstractmethod
    def pixel_values(self, images: Sequence[Image]) -> Tensor:
        """Normalised pixels of one image a row, as the vision tower takes them."""

    @abstractmethod
    def loss(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Sum of the cross-entropies of all label tokens, float32 scalar; divide by :meth:`label_tokens` for the mean."""

    @abstractmethod
    def continue_greedily(self, batch: Mapping[str, Tensor], maximum_new_tokens: int) -> Tensor:
        """Token ids of the continuations, (rows, new tokens), from a batch on the network's device."""

    @abstractmethod
    def enable_activation_checkpointing(self) -> None:
        """Recompute activations in the backward pass from now on: less memory, more time, the same gradients."""

    @abstractmethod
    def output_head(self) -> str:
        """Name of the linear layer that gives the logits; `extended` leaves it alone. Empty if there is no such layer."""

    # What follows from it

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.network.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the network's weights (of those that are not packed into 4 bits)."""
        return next(parameter.dtype for parameter in self.network.parameters() if parameter.is_floating_point())

    def token_id(self, token: str) -> int:
        """Id of one special token."""
        return int(self.tokenizer.convert_tokens_to_ids(token))

    def encode(self, text: str) -> list[int]:
        """Token ids of ``text``, nothing added."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def answer_ids(self, target: str) -> list[int]:
        """Token ids of the answer and its end token, cut to `build.maximum_text_tokens`.

        An answer that is cut loses its end token: the model must not learn to stop in mid-sentence.
        """
        ids = [*self.encode(self.answer_text(target)), self.end_id]
        return ids[: self.build.maximum_text_tokens]

    def collate(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """A batch, on the CPU.

        With targets: padded on the right, with `labels` (IGNORED_LABEL everywhere but on the answer and its end token). Without:
        padded on the left, ready for :meth:`generate`. Neither prompts nor image tokens are ever cut.
        Raises ``ValueError`` if only some examples have a target.
        """
        targets = [example.target for example in examples if example.target is not None]
        if targets and len(targets) != len(examples):
            raise ValueError("a batch is either learned or generated: all of its examples have targets, or none")
        answers = [self.answer_ids(target) for target in targets] if targets else None
        batch = padded([self.prompt_ids(example) for example in examples], answers, self.pad_id)
        batch["pixel_values"] = self.pixel_values([example.image for example in examples])
        return batch

    def generate(self, batch: Mapping[str, Tensor], maximum_new_tokens: int) -> list[Generated]:
        """Greedy continuation of each row, in order.

        The text of a row does not depend on the other rows of the batch: exactly so in float32; in bfloat16, rounding may
        differ with the shape of the batch.
        """
        was_training = self.network.training
        self.network.eval()
        try:
            with torch.no_grad():
                rows = self.continue_greedily(self.on_device(batch), maximum_new_tokens)
        finally:
            self.network.train(was_training)
        return [self._generated(ids) for ids in rows.tolist()]

    def _generated(self, ids: list[int]) -> Generated:
        stopped: Literal["end", "length"] = "end" if self.end_id in ids else "length"
        if stopped == "end":
            ids = ids[: ids.index(self.end_id)]
        return Generated(self.tokenizer.decode(ids, skip_special_tokens=True).strip(), len(ids), stopped)

    def label_tokens(self, batch: Mapping[str, Tensor]) -> int:
        """Number of tokens that :meth:`loss` sums over."""
        return int((batch["labels"] != IGNORED_LABEL).sum())

    def text_tokens(self, example: Example) -> int:
        """Tokens of prompt and answer, image tokens left out: what batches are grouped by."""
        answer = 0 if example.target is None else len(self.answer_ids(example.target))
        return len(self.prompt_ids(example)) + answer - (self.image_tokens() if self.image_tokens_in_text else 0)

    def total_tokens(self, batch: Mapping[str, Tensor]) -> int:
        """All tokens of a batch, image tokens included, padding not."""
        text = int(batch["attention_mask"].sum())
        return text if self.image_tokens_in_text else text + len(batch["attention_mask"]) * self.image_tokens()

    def on_device(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The batch where the network is, floating-point tensors in its precision."""
        return {
            name: tensor.to(self.device, self.dtype if tensor.is_floating_point() else None) for name, tensor in batch.items()
        }
