"""The soft-prompt network: image features, mapped by one transformer decoder layer to soft prompts of a causal language model.

After arXiv 2312.01504. Its number of prompts and the layer's sizes are not known; the defaults are this project's.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from radtune.models.batch_norm import keep_statistics

HEADS_OF_CLASSIFIERS = ("avgpool", "fc", "classifier")
"""What of a torchvision classifier comes after its feature map."""


def trunk(classifier: nn.Module) -> nn.Sequential:
    """A torchvision ResNet or MobileNetV2 without pooling and classifier, under the same names."""
    return nn.Sequential(
        OrderedDict((name, child) for name, child in classifier.named_children() if name not in HEADS_OF_CLASSIFIERS)
    )


class Mapper(nn.Module):
    """Image features to soft prompts: learned queries attend to the features in one post-norm decoder layer."""

    def __init__(self, features: int, width: int, prompts: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.project = nn.Linear(features, width)
        self.queries = nn.Parameter(torch.randn(prompts, width))
        self.layer = nn.TransformerDecoderLayer(width, heads, feed_forward, batch_first=True)

    def forward(self, features: Tensor) -> Tensor:
        """(rows, features, channels) to (rows, prompts, width)."""
        queries = self.queries.expand(len(features), -1, -1)
        prompts: Tensor = self.layer(queries, self.project(features))
        return prompts

    def start_at_scale(self, deviation: float) -> None:
        """Let the prompts leave the last norm with the deviation of word embeddings, so that the language model, which has never
        seen anything larger, is not thrown off at the first step."""
        nn.init.constant_(self.layer.norm3.weight, deviation)


class SoftPromptNetwork(nn.Module):
    """Image encoder, mapper and causal language model."""

    def __init__(self, vision: nn.Sequential, connector: Mapper, language: Any) -> None:
        super().__init__()
        self.vision = vision
        self.connector = connector
        self.language = language

    def train(self, mode: bool = True) -> SoftPromptNetwork:
        """Batch normalisation always uses its pretrained statistics."""
        super().train(mode)
        keep_statistics(self.vision)
        return self

    def prompts(self, pixel_values: Tensor) -> Tensor:
        """Soft prompts of images (rows, 3, side, side): (rows, prompts, width)."""
        prompts: Tensor = self.connector(self.vision(pixel_values).flatten(2).transpose(1, 2))
        return prompts

    def inputs(self, input_ids: Tensor, attention_mask: Tensor, pixel_values: Tensor) -> dict[str, Tensor]:
        """What the language model gets: soft prompts, then the text; padding between them is never attended to."""
        prompts = self.prompts(pixel_values)
        words = self.language.get_input_embeddings()(input_ids)
        seen = attention_mask.new_ones(prompts.shape[:2])
        return {
            "inputs_embeds": torch.cat([prompts.to(words.dtype), words], dim=1),
            "attention_mask": torch.cat([seen, attention_mask], dim=1),
        }


def padding_first(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same rows with all padding moved to the left, so that each ends in its last token, or in its last soft prompt if it has
    no text: generation continues from the last position."""
    order = inputs["attention_mask"].argsort(dim=1, stable=True)
    return {
        "inputs_embeds": inputs["inputs_embeds"].gather(1, order[..., None].expand_as(inputs["inputs_embeds"])),
        "attention_mask": inputs["attention_mask"].gather(1, order),
    }
