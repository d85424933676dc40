"""The CNN-Transformer: DenseNet-121, a transformer encoder over its feature map, and a small transformer decoder.

The article names the parts and the size ("48M") and no more; this build has 48,014,720 parameters: 6,953,856 of DenseNet's
features, 524,800 of the projection, 6,304,768 of two encoder layers, 8,408,064 of two decoder layers, 25,731,584 of the word
embeddings (the head is tied to them), 90,624 of learned positions and 1,024 of the final norm. The encoder is post-norm and the
decoder pre-norm, so that what either gives is normalised once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from torchvision.models import DenseNet

from radtune.models.batch_norm import keep_statistics
from radtune.models.networks.gpt2_decoder import INITIAL_DEVIATION, DecoderSizes, LanguageTower, initialise

DENSENET_STRIDE = 32
"""Pixels along each side of the image for one feature."""


@dataclass(frozen=True)
class CNNTransformerSizes(DecoderSizes):
    """Sizes of the network; the defaults are the published ones, `layers` those of the decoder."""

    width: int = 512
    layers: int = 2
    heads: int = 8
    positions: int = 128
    image_size: int = 224
    encoder_layers: int = 2
    growth_rate: int = 32
    block_layers: tuple[int, int, int, int] = (6, 12, 24, 16)
    initial_features: int = 64

    @property
    def features(self) -> int:
        """Features of an image (7 x 7 at 224 pixels)."""
        return (self.image_size // DENSENET_STRIDE) ** 2


class FeatureEncoder(nn.Module):
    """Contextualises the feature map: projection, learned positions, post-norm transformer layers."""

    def __init__(self, channels: int, sizes: CNNTransformerSizes) -> None:
        super().__init__()
        self.project = nn.Linear(channels, sizes.width)
        self.positions = nn.Parameter(torch.empty(sizes.features, sizes.width))
        nn.init.normal_(self.positions, std=INITIAL_DEVIATION)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(sizes.width, sizes.heads, 4 * sizes.width, sizes.dropout, batch_first=True)
            for _ in range(sizes.encoder_layers)
        )

    def forward(self, features: Tensor, checkpointed: bool = False) -> Tensor:
        """(rows, features, channels) to (rows, features, width)."""
        states: Tensor = self.project(features) + self.positions
        for layer in self.layers:
            states = checkpoint(layer, states, use_reentrant=False) if checkpointed else layer(states)
        return states


class CNNTransformerNetwork(nn.Module):
    """DenseNet's features (torchvision's names), the encoder, and GPT-2's decoder at a smaller size."""

    def __init__(self, sizes: CNNTransformerSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.checkpointed = False
        densenet = DenseNet(sizes.growth_rate, sizes.block_layers, sizes.initial_features)
        self.vision = densenet.features
        self.connector = FeatureEncoder(densenet.classifier.in_features, sizes)
        self.language = LanguageTower(sizes)
        self.language.apply(initialise)

    def train(self, mode: bool = True) -> CNNTransformerNetwork:
        """Batch normalisation always uses its pretrained statistics."""
        super().train(mode)
        keep_statistics(self.vision)
        return self

    def image_states(self, pixel_values: Tensor) -> list[Tensor]:
        """What each decoder layer attends to, (rows, features, width): the same for all of them."""
        checkpointed = self.checkpointed and self.training
        features = pixel_values
        for name, part in self.vision.named_children():
            # The blocks hold nearly all activations; ReLUs between them work in place, which recomputing does not bear.
            block = checkpointed and name.startswith("denseblock")
            features = checkpoint(part, features, use_reentrant=False) if block else part(features)
        features = functional.relu(features).flatten(2).transpose(1, 2)
        return [self.connector(features, checkpointed)] * self.sizes.layers

    def forward(self, input_ids: Tensor, attention_mask: Tensor, pixel_values: Tensor) -> Tensor:
        """Final states of the text, (rows, positions, width)."""
        image = self.image_states(pixel_values)
        out: Tensor = self.language(input_ids, attention_mask, image, checkpointed=self.checkpointed and self.training)
        return out

    def greedy(
        self, input_ids: Tensor, attention_mask: Tensor, pixel_values: Tensor, maximum_new_tokens: int, end_id: int
    ) -> Tensor:
        """See :meth:`LanguageTower.greedy`."""
        return self.language.greedy(input_ids, attention_mask, self.image_states(pixel_values), maximum_new_tokens, end_id)
