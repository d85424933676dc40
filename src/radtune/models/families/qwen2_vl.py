"""Qwen2-VL: a vision transformer for any grid of patches, a merger of 2 × 2 patches into one token, and Qwen2.

The vision tower takes the patches of all images in one long row; `image_grid_thw` says which belong to which image. The
language model's rotary positions have three axes (time, height, width), which transformers works out from
`mm_token_type_ids` (1 for image tokens, 0 elsewhere), so every batch carries both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from PIL.Image import Resampling
from torch import Tensor

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError
from radtune.models.family import Example, Tower
from radtune.models.pixels import CLIP, normalised
from radtune.models.sizes import check_divisible
from radtune.models.transformers_family import TransformersFamily

if TYPE_CHECKING:
    from PIL.Image import Image

START, END, END_OF_TEXT = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
VISION_START, VISION_END, IMAGE, VIDEO = "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"


class Qwen2VL(TransformersFamily):
    """ChatML with the default system message of the hub's chat template."""

    network_class = "Qwen2VLForConditionalGeneration"
    published: ClassVar[Mapping[str, Any]] = {  # Qwen2-VL-2B-Instruct
        "tie_word_embeddings": True,
        "vision_config": {
            "depth": 32,
            "embed_dim": 1280,
            "mlp_ratio": 4,
            "num_heads": 16,
            "in_channels": 3,
            "hidden_size": 1536,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
        "text_config": {
            "hidden_size": 1536,
            "intermediate_size": 8960,
            "num_hidden_layers": 28,
            "num_attention_heads": 12,
            "num_key_value_heads": 2,
            "vocab_size": 151936,
            "max_position_embeddings": 32768,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
        },
    }
    tiny_sizes: ClassVar[Mapping[str, int]] = {
        "patch_size": 14,
        "merge_size": 2,
        "vision_width": 64,
        "vision_layers": 2,
        "vision_heads": 4,
        "language_width": 96,
        "language_layers": 3,
        "language_heads": 4,
    }
    special_tokens = (END_OF_TEXT, START, END, VISION_START, VISION_END, IMAGE, VIDEO)
    end_token, pad_token = END, END_OF_TEXT
    never_written = (VISION_START, VISION_END, IMAGE, VIDEO)
    network_inputs = ("input_ids", "attention_mask", "pixel_values", "image_grid_thw", "mm_token_type_ids")
    # The merger lies inside `visual`. The tower is named by its parts, so that `vision:*` does not mean the merger as well.
    towers: ClassVar[Mapping[Tower, str]] = {
        "vision": r"model\.visual\.(patch_embed|rotary_pos_emb|blocks)",
        "connector": r"model\.visual\.merger",
        "language": r"model\.language_model|lm_head",
    }

    def image_tokens(self) -> int:
        """One for each `spatial_merge_size` × `spatial_merge_size` patches (441 at 588 pixels)."""
        vision = self.config.vision_config
        return int((self.build.image_size // (vision.patch_size * vision.spatial_merge_size)) ** 2)

    def _frame(self, example: Example, image: str) -> str:
        instruction = example.question if example.task == "question" else self.build.instruction
        return (
            f"{START}system\nYou are a helpful assistant.{END}\n"
            f"{START}user\n{image}{example.prefix}{instruction}{END}\n"
            f"{START}assistant\n"
        )

    def prompt_text(self, example: Example) -> str:
        """The chat frame, without the image's tokens."""
        return self._frame(example, "")

    def prompt_ids(self, example: Example) -> list[int]:
        """The chat frame with the image's tokens between those that begin and end an image."""
        return self.with_image_tokens(self.encode(self._frame(example, VISION_START + IMAGE + VISION_END)), IMAGE)

    def answer_text(self, target: str) -> str:
        """As it is, after the prompt's line break."""
        return target

    def pixel_values(self, images: Sequence[Image]) -> Tensor:
        """(rows · patches of an image, 3 · temporal_patch_size · patch_size²): all patches, one image after the other.

        Within an image, the patches that the merger joins are neighbours. A still image fills every frame of a patch.
        """
        vision = self.config.vision_config
        patch, merge, frames = vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size
        pixels = normalised(images, self.build.image_size, Resampling.BICUBIC, CLIP)
        blocks = self.build.image_size // (patch * merge)
        patches = pixels.reshape(len(images), 3, blocks, merge, patch, blocks, merge, patch)
        patches = patches.permute(0, 2, 5, 3, 6, 1, 4, 7)  # image, block (y, x), patch in its block (y, x), colour, pixel (y, x)
        return patches.unsqueeze(6).expand(*patches.shape[:6], frames, patch, patch).reshape(-1, 3 * frames * patch * patch)

    def collate(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """As every family's, with `image_grid_thw` (rows, 3), in patches, and `mm_token_type_ids` (rows, tokens)."""
        batch = super().collate(examples)
        side = self.build.image_size // self.config.vision_config.patch_size
        batch["image_grid_thw"] = torch.tensor([[1, side, side]]).repeat(len(examples), 1)
        batch["mm_token_type_ids"] = (batch["input_ids"] == self.token_id(IMAGE)).long()
        return batch

    @classmethod
    def check_side(cls, config: Any, side: int) -> None:
        """See :class:`TransformersFamily`. The tower has rotary positions, so any number of whole tokens will do."""
        vision = config.vision_config
        check_divisible(side, "patch_size x spatial_merge_size", vision.patch_size * vision.spatial_merge_size)

    @classmethod
    def tiny_vision_config(cls, size: Mapping[str, int]) -> dict[str, Any]:
        """Arguments of the vision tower's configuration with the sizes ``size``."""
        return {
            "depth": size["vision_layers"],
            "embed_dim": size["vision_width"],
            "mlp_ratio": 4,
            "num_heads": size["vision_heads"],
            "hidden_size": size["language_width"],
            "patch_size": size["patch_size"],
            "spatial_merge_size": size["merge_size"],
            "temporal_patch_size": 2,
        }

    @classmethod
    def tiny_config(cls, build: BuildSettings, tokenizer: Any, size: Mapping[str, int]) -> Mapping[str, Any]:
        """See :class:`TransformersFamily`. Feed-forward layers are 4 times as wide.

        Rotary positions turn pairs of a head's dimensions: one pair a frequency in the language model; in the vision tower
        one for the height and one for the width.
        """
        for tower, divisor in (("vision", 4), ("language", 2)):
            width, heads = size[f"{tower}_width"], size[f"{tower}_heads"]
            if width % (divisor * heads):
                raise ConfigError(
                    f"build.options: {tower}_width {width} is not a multiple of {divisor} x {tower}_heads = {divisor * heads}",
                    "change one of them",
                )
        frequencies = size["language_width"] // size["language_heads"] // 2
        across = 3 * frequencies // 8  # the published shares: a quarter for time, the rest for height and width
        return {
            "tie_word_embeddings": True,
            "image_token_id": tokenizer.convert_tokens_to_ids(IMAGE),
            "video_token_id": tokenizer.convert_tokens_to_ids(VIDEO),
            "vision_start_token_id": tokenizer.convert_tokens_to_ids(VISION_START),
            "vision_end_token_id": tokenizer.convert_tokens_to_ids(VISION_END),
            "vision_config": cls.tiny_vision_config(size),
            "text_config": {
                "hidden_size": size["language_width"],
                "intermediate_size": 4 * size["language_width"],
                "num_hidden_layers": size["language_layers"],
                "num_attention_heads": size["language_heads"],
                "num_key_value_heads": size["language_heads"],
                "vocab_size": len(tokenizer),
                "max_position_embeddings": 32768,
                "rms_norm_eps": 1e-6,
                "bos_token_id": tokenizer.convert_tokens_to_ids(END_OF_TEXT),
                "eos_token_id": tokenizer.convert_tokens_to_ids(END),
                "rope_parameters": {
                    "rope_type": "default",
                    "rope_theta": 1e6,
                    "mrope_section": [frequencies - 2 * across, across, across],
                },
            },
        }


FAMILY = Qwen2VL
