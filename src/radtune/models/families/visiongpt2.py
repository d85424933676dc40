"""VisionGPT2: timm's ViT-B/16 and the hub's GPT-2 in lock-step, every weight trained in three stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import torch
from PIL.Image import Resampling
from torch import Tensor, nn

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError, WeightsError
from radtune.models.byte_tokenizer import byte_tokenizer
from radtune.models.family import Stage, Tower
from radtune.models.gpt2_family import END_OF_TEXT, GPT2Family
from radtune.models.networks.visiongpt2 import VisionGPT2Network, VisionGPT2Sizes
from radtune.models.parts import check_parts, fetch_part, is_tiny, safetensors_file, set_precision
from radtune.models.pixels import HALF, normalised
from radtune.models.sizes import check_divisible, sizes
from radtune.weights.checkpoint_folder import load_tokenizer

if TYPE_CHECKING:
    from PIL.Image import Image

TINY_SIZES = {"patch_size": 16, "width": 64, "layers": 2, "heads": 4, "positions": 1024}
"""Sizes of a `tiny:` build unless `build.options` says otherwise."""


class VisionGPT2(GPT2Family):
    """ViT and GPT-2, each block of one joined to the same block of the other."""

    network: VisionGPT2Network
    towers: ClassVar[Mapping[Tower, str]] = {
        "connector": r"language\.h\.\d+\.(cross_attn|ln_3)",
        "vision": "vision",
        "language": "language",
    }
    stages: ClassVar[tuple[Stage, ...]] = (
        Stage(0, (r"language\.h\.\d+\.(cross_attn|ln_3)\..*",)),
        Stage(1, (r"language\.h\.\d+\.(ln_1|ln_2|attn|mlp)\..*",)),
        Stage(2, (r".*",)),
    )
    new_parameters = r"language\.h\.\d+\.(cross_attn|ln_3)\..*"

    @classmethod
    def load(cls, build: BuildSettings, *, weights_cache: Path, precision: str) -> Self:
        """Put together from `vision` (timm's names) and `language` (GPT-2's hub names); both `tiny:` for a small random one."""
        size = _sizes(build)
        network = VisionGPT2Network(size)
        if is_tiny(build, "vision"):
            tokenizer = byte_tokenizer((END_OF_TEXT,))
        else:
            language = fetch_part(build, "language", weights_cache)
            tokenizer = load_tokenizer(language)
            load_vision(network, safetensors_file(fetch_part(build, "vision", weights_cache)))
            load_language(network, safetensors_file(language))
        set_precision(network, precision)
        return cls(network.eval(), build, tokenizer)

    @classmethod
    def skeleton(cls, build: BuildSettings) -> Self:
        """See :class:`FamilyModel`."""
        with torch.device("meta"):
            return cls(VisionGPT2Network(_sizes(build)), build, None)

    def image_tokens(self) -> int:
        """Patches and the class token, reached through cross-attention (197 at full size)."""
        return int(self.network.vision.pos_embed.shape[1])

    def pixel_values(self, images: Sequence[Image]) -> Tensor:
        """(rows, 3, side, side)."""
        return normalised(images, self.build.image_size, Resampling.BICUBIC, HALF)


def _sizes(build: BuildSettings) -> VisionGPT2Sizes:
    """Those of `tiny:` sources, or the published ones. Raises :class:`ConfigError` for sources that do not fit each other."""
    check_parts(build, ("vision", "language"))
    if is_tiny(build, "vision") != is_tiny(build, "language"):
        raise ConfigError(
            "build.sources: visiongpt2's towers have equal widths, so one cannot be tiny: without the other",
            "write tiny: for both, or for neither",
        )
    if not is_tiny(build, "vision"):
        sizes(build, {})
        return VisionGPT2Sizes(image_size=build.image_size)
    size = sizes(build, TINY_SIZES)
    check_divisible(build.image_size, "patch_size", size["patch_size"])
    return VisionGPT2Sizes(image_size=build.image_size, vocabulary=len(byte_tokenizer((END_OF_TEXT,))), **size)


def load_vision(network: VisionGPT2Network, file: Path) -> None:
    """Load timm's ViT, whose names ours are. Raises :class:`WeightsError` if the file lacks a tensor."""
    from safetensors.torch import load_file

    tensors = load_file(file)
    _fill(network.vision, {name: name for name in network.vision.state_dict()}, tensors, file)


def load_language(network: VisionGPT2Network, file: Path) -> None:
    """Load GPT-2. Its weights of linear layers are stored transposed; its `ln_2`, which stood before the MLP, goes into the norm
    before the cross-attention. Cross-attention and `ln_3` keep their initial values.

    Raises :class:`WeightsError` if the file lacks a tensor.
    """
    from safetensors.torch import load_file

    # Checkpoints written by newer versions carry the prefix of the class with the head.
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in load_file(file).items()}
    names = {name: name for name in network.language.state_dict() if ".cross_attn." not in name and ".ln_3." not in name}
    transposed = {
        name: tensor.t() if name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")) else tensor
        for name, tensor in tensors.items()
    }
    _fill(network.language, names, transposed, file)


def _fill(module: nn.Module, names: Mapping[str, str], tensors: Mapping[str, Tensor], file: Path) -> None:
    """Copy ``tensors`` into the module's state, by our name and theirs."""
    state = module.state_dict()
    for ours, theirs in names.items():
        if theirs not in tensors:
            raise WeightsError(f"{file}: no tensor {theirs}", "name the checkpoint that the documentation of this family names")
        if tensors[theirs].shape != state[ours].shape:
            raise WeightsError(
                f"{file}: {theirs} has shape {tuple(tensors[theirs].shape)}, expected {tuple(state[ours].shape)}",
                "name a checkpoint of the published size",
            )
        state[ours].copy_(tensors[theirs])


FAMILY = VisionGPT2
