"""PaliGemma: SigLIP vision tower, one linear connector and Gemma.

Image and prompt are attended to in both directions, the answer causally. transformers takes that from `token_type_ids` (0 for
image and prompt, 1 for the answer) and is silently causal everywhere without them, so every batch carries them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from PIL.Image import Resampling
from torch import Tensor

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError
from radtune.models.byte_tokenizer import byte_tokenizer
from radtune.models.family import Example, FamilyModel, Tower
from radtune.models.label_loss import label_loss
from radtune.models.parts import PRECISIONS, check_parts, fetch_part, is_tiny
from radtune.models.pixels import HALF, normalised
from radtune.models.sequences import IGNORED_LABEL
from radtune.models.sizes import sizes
from radtune.models.transformers_generation import greedy
from radtune.models.untyped import untyped

if TYPE_CHECKING:
    from PIL.Image import Image

PAD, END, START, IMAGE = "<pad>", "<eos>", "<bos>", "<image>"
SPECIAL_TOKENS = (PAD, END, START, IMAGE)

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


class PaliGemma(FamilyModel):
    """Prompts of the `mix` checkpoints: ``caption en`` or ``answer en {question}``, then a line break."""

    towers: ClassVar[Mapping[Tower, str]] = {
        "vision": r"model\.vision_tower",
        "connector": r"model\.multi_modal_projector",
        "language": r"model\.language_model|lm_head",
    }
    image_tokens_in_text = True

    @property
    def end_id(self) -> int:
        """See :class:`FamilyModel`."""
        return self.token_id(END)

    @property
    def pad_id(self) -> int:
        """See :class:`FamilyModel`."""
        return self.token_id(PAD)

    def image_tokens(self) -> int:
        """One for each patch (1,024 at 448 pixels)."""
        config = untyped(self.network).config.vision_config
        return int((config.image_size // config.patch_size) ** 2)

    def prompt_text(self, example: Example) -> str:
        """The task in the checkpoint's own words; `build.instruction` has no place in it."""
        task = f"answer en {example.question}" if example.task == "question" else "caption en"
        return f"{example.prefix}{task}\n"

    def prompt_ids(self, example: Example) -> list[int]:
        """Image tokens, start token, prompt."""
        return [
            *[self.token_id(IMAGE)] * self.image_tokens(),
            self.token_id(START),
            *self.encode(self.prompt_text(example)),
        ]

    def answer_text(self, target: str) -> str:
        """As it is, after the prompt's line break."""
        return target

    def pixel_values(self, images: Sequence[Image]) -> Tensor:
        """(rows, 3, side, side)."""
        return normalised(images, self.build.image_size, Resampling.BICUBIC, HALF)

    def collate(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """As every family's, and `token_type_ids`."""
        batch = super().collate(examples)
        labels = batch.get("labels")
        batch["token_type_ids"] = (
            torch.zeros_like(batch["input_ids"]) if labels is None else (labels != IGNORED_LABEL).to(torch.long)
        )
        return batch

    def loss(self, batch: Mapping[str, Tensor]) -> Tensor:
        """See :class:`FamilyModel`."""
        batch, network = self.on_device(batch), untyped(self.network)
        states = network.model(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            token_type_ids=batch["token_type_ids"],
            pixel_values=batch["pixel_values"],
            use_cache=False,
        ).last_hidden_state
        return label_loss(states[:, :-1], batch["labels"][:, 1:], network.lm_head)

    def continue_greedily(self, batch: Mapping[str, Tensor], maximum_new_tokens: int) -> Tensor:
        """See :class:`FamilyModel`. Image tokens are never written."""
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids", "pixel_values")}
        ids = greedy(self.network, inputs, maximum_new_tokens, self.end_id, self.pad_id, [self.token_id(IMAGE)])
        return ids[:, batch["input_ids"].shape[1] :]

    def enable_activation_checkpointing(self) -> None:
        """See :class:`FamilyModel`."""
        untyped(self.network).gradient_checkpointing_enable({"use_reentrant": False})

    def output_head(self) -> str:
        """See :class:`FamilyModel`."""
        return "lm_head"


def load(build: BuildSettings, *, weights_cache: Path, precision: str) -> PaliGemma:
    """The pretrained model, or a small random one for a `tiny:` source."""
    from transformers import AutoTokenizer, PaliGemmaForConditionalGeneration

    check_parts(build, ("model",))
    if is_tiny(build, "model"):
        tokenizer = byte_tokenizer(SPECIAL_TOKENS)
        config = _tiny_config(build, tokenizer)
        network = untyped(PaliGemmaForConditionalGeneration)._from_config(config, dtype=PRECISIONS[precision])
    else:
        sizes(build, {})
        folder = fetch_part(build, "model", weights_cache)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        network = PaliGemmaForConditionalGeneration.from_pretrained(
            folder, dtype=PRECISIONS[precision], local_files_only=True, use_safetensors=True
        )
        side = untyped(network).config.vision_config.image_size
        if build.image_size != side:
            raise ConfigError(f"build.image_size: {build.image_size}, but the checkpoint was made for {side}", f"write {side}")
    return PaliGemma(network.eval(), build, tokenizer)


def skeleton(build: BuildSettings) -> PaliGemma:
    """PaliGemma-3B-mix-448 on the meta device: every shape, no weights, no download."""
    from transformers import PaliGemmaConfig, PaliGemmaForConditionalGeneration

    config = PaliGemmaConfig(
        image_token_index=257152,
        projection_dim=2048,
        hidden_size=2048,
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": 1152,
            "intermediate_size": 4304,
            "num_attention_heads": 16,
            "num_hidden_layers": 27,
            "patch_size": 14,
            "image_size": 448,
            "projection_dim": 2048,
            "vision_use_head": False,
            "num_image_tokens": 1024,
        },
        text_config={
            "model_type": "gemma",
            "hidden_size": 2048,
            "intermediate_size": 16384,
            "head_dim": 256,
            "num_hidden_layers": 18,
            "num_attention_heads": 8,
            "num_key_value_heads": 1,
            "vocab_size": 257216,
            "num_image_tokens": 1024,
        },
    )
    with torch.device("meta"):
        return PaliGemma(PaliGemmaForConditionalGeneration(config), build, None)


def _tiny_config(build: BuildSettings, tokenizer: Any) -> Any:
    from transformers import PaliGemmaConfig

    size = sizes(build, TINY_SIZES)
    if build.image_size % size["patch_size"]:
        raise ConfigError(
            f"build.image_size: {build.image_size} is not a multiple of patch_size {size['patch_size']}",
            "change it, or build.options.patch_size",
        )
    patches = (build.image_size // size["patch_size"]) ** 2
    return PaliGemmaConfig(
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
        projection_dim=size["language_width"],
        hidden_size=size["language_width"],
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": size["vision_width"],
            "intermediate_size": 4 * size["vision_width"],
            "num_attention_heads": size["vision_heads"],
            "num_hidden_layers": size["vision_layers"],
            "patch_size": size["patch_size"],
            "image_size": build.image_size,
            "projection_dim": size["language_width"],
            "vision_use_head": False,
            "num_image_tokens": patches,
        },
        text_config={
            "model_type": "gemma",
            "hidden_size": size["language_width"],
            "intermediate_size": 4 * size["language_width"],
            "head_dim": size["language_width"] // size["language_heads"],
            "num_hidden_layers": size["language_layers"],
            "num_attention_heads": size["language_heads"],
            "num_key_value_heads": 1,
            "vocab_size": len(tokenizer),
            "num_image_tokens": patches,
            "pad_token_id": tokenizer.convert_tokens_to_ids(PAD),
            "bos_token_id": tokenizer.convert_tokens_to_ids(START),
            "eos_token_id": tokenizer.convert_tokens_to_ids(END),
        },
    )
