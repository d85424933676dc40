"""MoonDream2, revision 2024-05-08: SigLIP so400m, a two-layer projection and Phi-1.5, on a network of our own.

The checkpoint brings code of its own, for another release of transformers; it is never run. Its tensors are loaded by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from PIL.Image import Resampling
from torch import Tensor

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError, WeightsError
from radtune.models.architecture import local_checkpoint
from radtune.models.byte_tokenizer import byte_tokenizer
from radtune.models.family import Example, FamilyModel, Tower
from radtune.models.label_loss import label_loss
from radtune.models.networks.moondream2 import Moondream2Network, TextSizes, VisionSizes
from radtune.models.parts import PRECISIONS, check_parts, fetch_part, is_tiny, safetensors_file, set_precision
from radtune.models.pixels import HALF, normalised
from radtune.models.sizes import check_divisible, check_fixed_side, sizes

if TYPE_CHECKING:
    from PIL.Image import Image

END_OF_TEXT = "<|endoftext|>"
"""Begins and ends every sequence, and fills up short ones."""

TINY_SIZES = {
    "patch_size": 16,
    "vision_width": 64,
    "vision_layers": 2,
    "vision_heads": 4,
    "language_width": 96,
    "language_layers": 3,
    "language_heads": 4,
}
"""Sizes of a `tiny:` build unless `build.options` says otherwise; feed-forward layers are 4 times as wide."""

RECOMPUTED = r".*\.(inv_freq|cos_cached|sin_cached)"
"""Buffers that some releases of the checkpoint's own code saved and that follow from the sizes."""


class Moondream2(FamilyModel):
    """The frame of the project's own fine-tuning notebook: start token, image, ``\\n\\nQuestion: {instruction}\\n\\nAnswer:``."""

    network: Moondream2Network
    towers: ClassVar[Mapping[Tower, str]] = {
        "vision": r"vision_encoder\.encoder",
        "connector": r"vision_encoder\.projection",
        "language": "text_model",
    }
    image_tokens_in_text = False
    options_taken = frozenset({"architecture"})

    @classmethod
    def load(cls, build: BuildSettings, *, weights_cache: Path, precision: str) -> Self:
        """The pretrained model, or a small random one for a `tiny:` source."""
        from transformers import CodeGenTokenizer

        vision, text = _sizes(build)
        if is_tiny(build, "model"):
            network = Moondream2Network(vision, text)
            set_precision(network, precision)
            return cls(network.eval(), build, byte_tokenizer((END_OF_TEXT,)))
        folder = fetch_part(build, "model", weights_cache)
        with torch.device("meta"):
            network = Moondream2Network(vision, text)
        load_weights(network, safetensors_file(folder), PRECISIONS[precision])
        tokenizer = CodeGenTokenizer.from_pretrained(folder, local_files_only=True)
        return cls(network.eval(), build, tokenizer)

    @classmethod
    def skeleton(cls, build: BuildSettings) -> Self:
        """See :class:`FamilyModel`."""
        with torch.device("meta"):
            return cls(Moondream2Network(*_sizes(build)), build, None)

    @property
    def end_id(self) -> int:
        """See :class:`FamilyModel`."""
        return self.token_id(END_OF_TEXT)

    @property
    def pad_id(self) -> int:
        """See :class:`FamilyModel`."""
        return self.token_id(END_OF_TEXT)

    def image_tokens(self) -> int:
        """One for each patch (729 at 378 pixels)."""
        return self.network.vision.patches

    def prompt_text(self, example: Example) -> str:
        """What follows the image."""
        instruction = example.question if example.task == "question" else self.build.instruction
        return f"\n\nQuestion: {example.prefix}{instruction}\n\nAnswer:"

    def prompt_ids(self, example: Example) -> list[int]:
        """Start token and prompt; the network puts the image between them."""
        return [self.token_id(END_OF_TEXT), *self.encode(self.prompt_text(example))]

    def answer_text(self, target: str) -> str:
        """A space separates ``Answer:`` from what it says."""
        return f" {target}"

    def pixel_values(self, images: Sequence[Image]) -> Tensor:
        """(rows, 3, side, side)."""
        return normalised(images, self.build.image_size, Resampling.BICUBIC, HALF)

    def loss(self, batch: Mapping[str, Tensor]) -> Tensor:
        """See :class:`FamilyModel`."""
        batch = self.on_device(batch)
        states = self.network(batch["input_ids"], batch["attention_mask"], batch["pixel_values"])
        return label_loss(states[:, :-1], batch["labels"][:, 1:], self.network.text_model.lm_head)

    def continue_greedily(self, batch: Mapping[str, Tensor], maximum_new_tokens: int) -> Tensor:
        """See :class:`FamilyModel`."""
        return self.network.greedy(
            batch["input_ids"],
            batch["attention_mask"],
            batch["pixel_values"],
            maximum_new_tokens,
            self.end_id,
        )

    def enable_activation_checkpointing(self) -> None:
        """See :class:`FamilyModel`."""
        self.network.checkpointed = True

    def output_head(self) -> str:
        """See :class:`FamilyModel`."""
        return "text_model.lm_head.linear"


def _sizes(build: BuildSettings) -> tuple[VisionSizes, TextSizes]:
    """Sizes of vision tower and text model. Raises :class:`ConfigError` for settings that do not fit."""
    check_parts(build, ("model",))
    if is_tiny(build, "model"):
        vision, text = _tiny_sizes(build)
    else:
        sizes(build, {})
        vision, text = _published_sizes(build)
    for name, width, divisor in (
        ("vision width", vision.hidden_size, vision.num_attention_heads),
        ("language width", text.hidden_size, 4 * text.num_attention_heads),  # half of each head is turned, in pairs
    ):
        if width % divisor:
            raise ConfigError(f"build: moondream2's {name} {width} is not a multiple of {divisor}", "change width or heads")
    check_fixed_side(vision.image_size, build.image_size)
    check_divisible(build.image_size, "patch_size", vision.patch_size)
    return vision, text


def _tiny_sizes(build: BuildSettings) -> tuple[VisionSizes, TextSizes]:
    size = sizes(build, TINY_SIZES)
    vision = VisionSizes(
        image_size=build.image_size,
        patch_size=size["patch_size"],
        hidden_size=size["vision_width"],
        intermediate_size=4 * size["vision_width"],
        num_hidden_layers=size["vision_layers"],
        num_attention_heads=size["vision_heads"],
    )
    text = TextSizes(
        vocab_size=len(byte_tokenizer((END_OF_TEXT,))),
        hidden_size=size["language_width"],
        intermediate_size=4 * size["language_width"],
        num_hidden_layers=size["language_layers"],
        num_attention_heads=size["language_heads"],
    )
    return vision, text


def _published_sizes(build: BuildSettings) -> tuple[VisionSizes, TextSizes]:
    """The published sizes, with those of a local `config.json` or else of `build.architecture` over them.

    The published `config.json` holds no size at all. What transformers writes there besides sizes is left alone.
    """
    known = {"vision_config": _names(VisionSizes), "text_config": _names(TextSizes)}
    config: Mapping[str, Any] = build.architecture
    if folder := local_checkpoint(build, "model"):
        config = json.loads((folder / "config.json").read_text())
    elif any(name not in known or set(block) - known[name] for name, block in config.items()):
        raise ConfigError(
            f"build.architecture: moondream2 has no such sizes: {json.dumps(config)}",
            "; ".join(f"{name} has {', '.join(sorted(names))}" for name, names in known.items()),
        )
    vision, text = (
        {name: size for name, size in config.get(block, {}).items() if name in names} for block, names in known.items()
    )
    return VisionSizes(**vision), TextSizes(**text)


def _names(sizes_class: type[VisionSizes | TextSizes]) -> set[str]:
    return {field.name for field in fields(sizes_class)}


def load_weights(network: Moondream2Network, file: Path, dtype: torch.dtype) -> None:
    """Give a network on the meta device the tensors of ``file``, by their own names, as ``dtype``.

    Raises :class:`WeightsError` unless the file holds exactly the network's tensors, in their shapes.
    """
    from safetensors import SafetensorError, safe_open

    fix = "name vikhyatk/moondream2 at revision 2024-05-08: later ones are other networks"
    expected = {name: list(parameter.shape) for name, parameter in network.named_parameters()}
    try:
        with safe_open(file, framework="pt") as tensors:
            found = {name: tensors.get_slice(name).get_shape() for name in list(tensors.keys())}
            missing = sorted(expected.keys() - found.keys())
            unexpected = sorted(name for name in found.keys() - expected.keys() if not re.fullmatch(RECOMPUTED, name))
            if missing or unexpected:
                raise WeightsError(f"{file}: {_differences(missing, unexpected)}", fix)
            for name, shape in expected.items():
                if found[name] != shape:
                    raise WeightsError(f"{file}: {name} has shape {found[name]}, not {shape}", fix)
            # One tensor at a time, so that no more than one lies in memory twice.
            state = {name: tensors.get_tensor(name).to(dtype) for name in expected}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{file}: not a readable safetensors file: {error}", "fetch the weights again") from error
    network.load_state_dict(state, assign=True)


def _differences(missing: Sequence[str], unexpected: Sequence[str]) -> str:
    """The first few names that a file lacks or has too many."""
    parts = []
    for verb, names in (("lacks", missing), ("has also", unexpected)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            parts.append(f"{verb} {', '.join(names[:3])}{more}")
    return "; ".join(parts)


FAMILY = Moondream2
