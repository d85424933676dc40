"""LLaVA-1.6 (LLaVA-NeXT): LLaVA that sees an image whole and in tiles, with Mistral or Vicuna.

The tower's own side is one tile. The image is fitted into a grid of tiles; a standardised square of 672 pixels is 2 × 2 of them.
The network leaves out the features of padding and ends each row of features with a learned newline, so the square takes
24 · 24 + 48 · 48 + 48 = 2,928 tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from PIL.Image import Resampling
from torch import Tensor

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError
from radtune.models.families.llava import CLIP_VIT_L_336, Llava
from radtune.models.family import Example
from radtune.models.pixels import CLIP, normalised
from radtune.models.sizes import check_divisible, check_fixed_side
from radtune.models.untyped import untyped

if TYPE_CHECKING:
    from PIL.Image import Image

GRIDS = ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3))
"""Rows and columns of tiles that an image may be fitted into."""

FRAMES = {
    "mistral": "[INST] {image}\n{words} [/INST]",
    "llama": (
        "A chat between a curious human and an artificial intelligence assistant. "
        "The assistant gives helpful, detailed, and polite answers to the human's questions. "
        "USER: {image}\n{words} ASSISTANT:"
    ),
}
"""The conversation of each language model, by its `model_type`: Mistral's, and Vicuna's with its system sentence."""


class LlavaNext(Llava):
    """The frame depends on the language model (:data:`FRAMES`)."""

    network_class = "LlavaNextForConditionalGeneration"
    published: ClassVar[Mapping[str, Any]] = {  # llava-v1.6-mistral-7b-hf
        "image_token_index": 32000,
        "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default",
        "projector_hidden_act": "gelu",
        "tie_word_embeddings": False,
        "image_grid_pinpoints": [[336 * rows, 336 * columns] for rows, columns in GRIDS],
        "vision_config": CLIP_VIT_L_336,
        "text_config": {
            "model_type": "mistral",
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "vocab_size": 32064,
            "max_position_embeddings": 32768,
            "rms_norm_eps": 1e-5,
            "sliding_window": None,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
        },
    }
    network_inputs = ("input_ids", "attention_mask", "pixel_values", "image_sizes")

    def image_tokens(self) -> int:
        """Patches of the whole image, and patches and newlines of what the tiles show of it: the network's own rule."""
        from transformers.models.llava_next.modeling_llava_next import get_anyres_image_grid_shape, unpad_image

        config, side, patches = self.config, self.build.image_size, self.patches()
        tile = config.vision_config.image_size
        rows, columns = untyped(get_anyres_image_grid_shape)((side, side), config.image_grid_pinpoints, tile)
        tiled = torch.empty(1, rows * patches, columns * patches, device="meta")
        _, height, width = untyped(unpad_image)(tiled, (side, side)).shape
        return int(patches**2 + height * (width + 1))

    def frame(self) -> str:
        """See :class:`Llava`. Raises :class:`ConfigError` for a language model whose conversation is not known."""
        kind = self.config.text_config.model_type
        if kind not in FRAMES:
            raise ConfigError(f"build: llava_next knows no prompt for the language model {kind}", f"choose {' or '.join(FRAMES)}")
        return FRAMES[kind]

    def pixel_values(self, images: Sequence[Image]) -> Tensor:
        """(rows, 1 + tiles, 3, tile, tile): the whole image at the side of a tile, then the tiles row by row.

        The image lies in the middle of the grid, on black.
        """
        config, side = self.config, self.build.image_size
        tile = config.vision_config.image_size
        height, width = _fitted_grid(config, side)
        whole = normalised(images, tile, Resampling.BICUBIC, CLIP)
        square = normalised(images, side, Resampling.BICUBIC, CLIP)
        left, top = (width - side) // 2, (height - side) // 2
        black = -torch.tensor(CLIP.mean) / torch.tensor(CLIP.std)
        grid = black.view(1, 3, 1, 1).repeat(len(images), 1, height, width)
        grid[:, :, top : top + side, left : left + side] = square
        tiles = grid.unfold(2, tile, tile).unfold(3, tile, tile).permute(0, 2, 3, 1, 4, 5).flatten(1, 2)
        return torch.cat([whole[:, None], tiles], dim=1)

    def collate(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """As every family's, and `image_sizes`: height and width of each image before it was tiled."""
        batch = super().collate(examples)
        batch["image_sizes"] = torch.full((len(examples), 2), self.build.image_size)
        return batch

    @classmethod
    def check_side(cls, config: Any, side: int) -> None:
        """See :class:`TransformersFamily`. A square must fill its grid in one direction, so that it is resampled once."""
        check_fixed_side(min(_fitted_grid(config, side)), side)

    @classmethod
    def tiny_config(cls, build: BuildSettings, tokenizer: Any, size: Mapping[str, int]) -> Mapping[str, Any]:
        """See :class:`Llava`. The image is 2 × 2 tiles."""
        check_divisible(build.image_size, "2 x patch_size", 2 * size["patch_size"])
        tile = build.image_size // 2
        config = super().tiny_config(build, tokenizer, size)
        return {
            **config,
            "vision_config": {**config["vision_config"], "image_size": tile},
            "image_grid_pinpoints": [[tile * rows, tile * columns] for rows, columns in GRIDS],
        }


def _fitted_grid(config: Any, side: int) -> tuple[int, int]:
    """Height and width in pixels of the grid of tiles that the library chooses for a square of ``side`` pixels."""
    from transformers.image_processing_utils import select_best_resolution

    height, width = select_best_resolution((side, side), config.image_grid_pinpoints)
    return int(height), int(width)


FAMILY = LlavaNext
