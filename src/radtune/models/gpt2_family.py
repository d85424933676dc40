"""What families whose text is written by our decoder with GPT-2's vocabulary have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from radtune.models.family import Example, FamilyModel
from radtune.models.label_loss import label_loss

END_OF_TEXT = "<|endoftext|>"
"""Starts a text, ends it, and fills up short rows."""


class GPT2Family(FamilyModel):
    """No instruction: the text begins after GPT-2's end-of-text token, and the decoder reaches the image by cross-attention.

    The network is called with `input_ids`, `attention_mask` and `pixel_values` for final states, has the decoder
    (:class:`radtune.models.networks.gpt2_decoder.LanguageTower`) as `language`, a method `greedy`, and a switch `checkpointed`.
    """

    network: Any
    image_tokens_in_text = False
    image_in_sequence = False

    @property
    def end_id(self) -> int:
        """See :class:`FamilyModel`."""
        return self.token_id(END_OF_TEXT)

    @property
    def pad_id(self) -> int:
        """See :class:`FamilyModel`."""
        return self.token_id(END_OF_TEXT)

    def prompt_text(self, example: Example) -> str:
        """Start token, predicted modality, and the question if there is one."""
        question = f"{example.question}\n" if example.task == "question" else ""
        return END_OF_TEXT + (f"{example.prefix}{question}" if question else example.prefix.rstrip())

    def prompt_ids(self, example: Example) -> list[int]:
        """Ids of :meth:`prompt_text`; there are no image placeholders."""
        return self.encode(self.prompt_text(example))

    def answer_text(self, target: str) -> str:
        """As it is."""
        return target

    def loss(self, batch: Mapping[str, Tensor]) -> Tensor:
        """See :class:`FamilyModel`."""
        batch = self.on_device(batch)
        states = self.network(batch["input_ids"], batch["attention_mask"], batch["pixel_values"])
        return label_loss(states[:, :-1], batch["labels"][:, 1:], self.network.language.head)

    def continue_greedily(self, batch: Mapping[str, Tensor], maximum_new_tokens: int) -> Tensor:
        """See :class:`FamilyModel`."""
        ids: Tensor = self.network.greedy(
            batch["input_ids"], batch["attention_mask"], batch["pixel_values"], maximum_new_tokens, self.end_id
        )
        return ids

    def enable_activation_checkpointing(self) -> None:
        """See :class:`FamilyModel`."""
        self.network.checkpointed = True

    def output_head(self) -> str:
        """None: the logits come from the word embeddings."""
        return ""
