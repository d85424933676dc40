"""CNN-Transformer: DenseNet-121 (ImageNet's weights or CheXNet's), a transformer encoder and a small decoder with GPT-2's words.

Only DenseNet is pretrained. The article calls the training "progressive full fine-tuning" and says no more; our reading is two
stages: everything new in the first epoch, DenseNet too from the second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import torch
from PIL.Image import Resampling
from torch import Tensor, nn

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError, WeightsError
from radtune.models.batch_norm import take_statistics_of_noise
from radtune.models.byte_tokenizer import byte_tokenizer
from radtune.models.family import Example, Stage, Tower
from radtune.models.gpt2_family import END_OF_TEXT, GPT2Family
from radtune.models.networks.cnn_transformer import DENSENET_STRIDE, CNNTransformerNetwork, CNNTransformerSizes
from radtune.models.parts import check_parts, fetch_part, is_tiny, read_tensors, set_precision
from radtune.models.pixels import IMAGENET, normalised
from radtune.models.sizes import check_divisible, sizes

if TYPE_CHECKING:
    from PIL.Image import Image

SIZES = {"width": 512, "heads": 8, "encoder_layers": 2, "decoder_layers": 2, "positions": 128}
"""Sizes of the new parts unless `build.options` says otherwise."""

TINY_SIZES = {"width": 64, "heads": 4, "encoder_layers": 1, "decoder_layers": 2, "positions": 1024}
"""The same for `tiny:` sources."""

TINY_DENSENET = {"growth_rate": 8, "block_layers": 2, "initial_features": 16}
"""Further options of a `tiny:` build: DenseNet's, with equally many layers in each of its four blocks."""


class CNNTransformer(GPT2Family):
    """One feature map for all layers of the decoder. Prompt and answer share few positions (128 at the published size)."""

    network: CNNTransformerNetwork
    towers: ClassVar[Mapping[Tower, str]] = {"vision": "vision", "connector": "connector", "language": "language"}
    stages: ClassVar[tuple[Stage, ...]] = (Stage(0, (r"(connector|language)\..*",)), Stage(1, (r"vision\..*",)))
    new_parameters = r"(connector|language)\..*"

    @classmethod
    def load(cls, build: BuildSettings, *, weights_cache: Path, precision: str) -> Self:
        """Put together from `vision` (DenseNet's weights) and `language` (a tokenizer, no weights); both `tiny:` for a small
        random one."""
        from transformers import AutoTokenizer

        network = CNNTransformerNetwork(_sizes(build))
        if is_tiny(build, "vision"):
            tokenizer = byte_tokenizer((END_OF_TEXT,))
            take_statistics_of_noise(network.vision, build.image_size)
        else:
            folder = fetch_part(build, "language", weights_cache)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            if len(tokenizer) != network.sizes.vocabulary:
                raise WeightsError(
                    f"{folder}: a vocabulary of {len(tokenizer)}, not GPT-2's {network.sizes.vocabulary}",
                    "name GPT-2's tokenizer in build.sources.language",
                )
            load_vision(network.vision, fetch_part(build, "vision", weights_cache))
        set_precision(network, precision)
        return cls(network.eval(), build, tokenizer)

    @classmethod
    def skeleton(cls, build: BuildSettings) -> Self:
        """See :class:`FamilyModel`."""
        with torch.device("meta"):
            return cls(CNNTransformerNetwork(_sizes(build)), build, None)

    def image_tokens(self) -> int:
        """Features of DenseNet, reached through cross-attention (49 at full size)."""
        return self.network.sizes.features

    def pixel_values(self, images: Sequence[Image]) -> Tensor:
        """(rows, 3, side, side): ImageNet's statistics, which CheXNet was trained with too."""
        return normalised(images, self.build.image_size, Resampling.BILINEAR, IMAGENET)

    def collate(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """As every family's. Raises :class:`ConfigError` for a prompt that leaves too few positions for the longest answer."""
        room = self.network.sizes.positions - self.build.maximum_text_tokens
        for example in examples:
            if (length := len(self.prompt_ids(example))) > room:
                raise ConfigError(
                    f"{example.row_id}: a prompt of {length} tokens, but the longest answer leaves room for {room}",
                    "lower build.maximum_text_tokens, or raise build.options.positions",
                )
        return super().collate(examples)

    def continue_greedily(self, batch: Mapping[str, Tensor], maximum_new_tokens: int) -> Tensor:
        """See :class:`FamilyModel`. At most `build.maximum_text_tokens`, for which every prompt leaves positions: a limit that
        does not depend on the batch."""
        return super().continue_greedily(batch, min(maximum_new_tokens, self.build.maximum_text_tokens))


def _sizes(build: BuildSettings) -> CNNTransformerSizes:
    """Those of `tiny:` sources, or the published ones, with the options over them. Raises :class:`ConfigError` for settings that
    do not fit each other."""
    check_parts(build, ("vision", "language"))
    tiny = is_tiny(build, "vision")
    if tiny != is_tiny(build, "language"):
        raise ConfigError(
            "build.sources: the tiny: DenseNet of cnn_transformer goes with the tiny: tokenizer",
            "write tiny: for both, or for neither",
        )
    size = sizes(build, {**TINY_SIZES, **TINY_DENSENET} if tiny else SIZES)
    check_divisible(build.image_size, "DenseNet's stride", DENSENET_STRIDE)
    if size["width"] % size["heads"]:
        raise ConfigError(f"build.options: {size['heads']} heads do not divide the width {size['width']}", "change one of them")
    if build.maximum_text_tokens >= size["positions"]:
        raise ConfigError(
            f"build.maximum_text_tokens: {build.maximum_text_tokens}, but prompt and answer share {size['positions']} positions",
            "lower it, or raise build.options.positions",
        )
    published = CNNTransformerSizes(
        image_size=build.image_size,
        width=size["width"],
        heads=size["heads"],
        encoder_layers=size["encoder_layers"],
        layers=size["decoder_layers"],
        positions=size["positions"],
    )
    if not tiny:
        return published
    layers = size["block_layers"]
    return replace(
        published,
        vocabulary=len(byte_tokenizer((END_OF_TEXT,))),
        growth_rate=size["growth_rate"],
        block_layers=(layers, layers, layers, layers),
        initial_features=size["initial_features"],
    )


def load_vision(vision: nn.Sequential, path: Path) -> None:
    """Load a DenseNet classifier without its head: torchvision's or timm's names, or those of CheXNet's reimplementations
    (`module.densenet121.features.…`, and `norm.1` for `norm1` in files written before torch 0.4).

    Raises :class:`WeightsError` if they are not those of this encoder.
    """
    tensors = {
        re.sub(r"(norm|conv)\.([12])\.", r"\1\2.", name.partition("features.")[2]): tensor
        for name, tensor in read_tensors(path).items()
        if "features." in name
    }
    state = vision.state_dict()
    # The number of batches seen is younger than CheXNet's files, and without effect on a network whose statistics are kept.
    missing = [name for name in state if name not in tensors and not name.endswith("num_batches_tracked")]
    fix = "name the weights of a DenseNet-121 for images with three channels"
    if missing:
        raise WeightsError(f"{path}: no tensor features.{missing[0]}", fix)
    unexpected = [name for name in tensors if name not in state]
    if unexpected:
        raise WeightsError(f"{path}: features.{unexpected[0]} is not DenseNet-121's", fix)
    for name, tensor in tensors.items():
        if tensor.shape != state[name].shape:
            raise WeightsError(
                f"{path}: features.{name} has shape {tuple(tensor.shape)}, expected {tuple(state[name].shape)}", fix
            )
        state[name].copy_(tensor)


FAMILY = CNNTransformer
