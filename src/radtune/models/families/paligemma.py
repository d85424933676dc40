"""PaliGemma: SigLIP vision tower, one linear connector and Gemma.

Image and prompt are attended to in both directions, the answer causally. transformers takes that from `token_type_ids` (0 for
image and prompt, 1 for the answer) and is silently causal everywhere without them, so every batch carries them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from PIL.Image import Resampling
from torch import Tensor

from radtune.config.models import BuildSettings
from radtune.models.family import Example, Tower
from radtune.models.pixels import HALF, normalised
from radtune.models.sequences import IGNORED_LABEL
from radtune.models.sizes import check_divisible, check_fixed_side
from radtune.models.transformers_family import TransformersFamily

if TYPE_CHECKING:
    from PIL.Image import Image

PAD, END, START, IMAGE = "<pad>", "<eos>", "<bos>", "<image>"


class PaliGemma(TransformersFamily):
    """Prompts of the `mix` checkpoints: ``caption en`` or ``answer en {question}``, then a line break."""

    network_class = "PaliGemmaForConditionalGeneration"
    published: ClassVar[Mapping[str, Any]] = {  # paligemma-3b-mix-448
        "image_token_index": 257152,
        "projection_dim": 2048,
        "hidden_size": 2048,
        "vision_config": {
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
        "text_config": {
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
    }
    tiny_sizes: ClassVar[Mapping[str, int]] = {
        "patch_size": 16,
        "vision_width": 64,
        "vision_layers": 2,
        "vision_heads": 4,
        "language_width": 96,
        "language_layers": 3,
        "language_heads": 4,
    }
    special_tokens = (PAD, END, START, IMAGE)
    end_token, pad_token = END, PAD
    never_written = (IMAGE,)
    network_inputs = ("input_ids", "attention_mask", "token_type_ids", "pixel_values")
    towers: ClassVar[Mapping[Tower, str]] = {
        "vision": r"model\.vision_tower",
        "connector": r"model\.multi_modal_projector",
        "language": r"model\.language_model|lm_head",
    }

    def image_tokens(self) -> int:
        """One for each patch (1,024 at 448 pixels)."""
        vision = self.config.vision_config
        return int((vision.image_size // vision.patch_size) ** 2)

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

    @classmethod
    def check_side(cls, config: Any, side: int) -> None:
        """See :class:`TransformersFamily`."""
        check_divisible(side, "patch_size", config.vision_config.patch_size)
        check_fixed_side(config.vision_config.image_size, side)

    @classmethod
    def tiny_config(cls, build: BuildSettings, tokenizer: Any, size: Mapping[str, int]) -> Mapping[str, Any]:
        """See :class:`TransformersFamily`. Feed-forward layers are 4 times as wide."""
        patches = (build.image_size // size["patch_size"]) ** 2
        return {
            "image_token_index": tokenizer.convert_tokens_to_ids(IMAGE),
            "projection_dim": size["language_width"],
            "hidden_size": size["language_width"],
            "vision_config": {
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
            "text_config": {
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
        }


FAMILY = PaliGemma
