"""SmolVLM: SigLIP vision tower, pixel-shuffle connector and SmolLM2, as transformers' Idefics3.

The standardised square is one tile: it is not split, so an image takes 64 tokens at full size (512 pixels, patches of 16,
4 × 4 patches a token) instead of up to 1,088.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from PIL.Image import Resampling
from torch import Tensor

from radtune.config.models import BuildSettings
from radtune.models.family import Example, Tower
from radtune.models.pixels import HALF, normalised
from radtune.models.sizes import check_divisible, check_fixed_side
from radtune.models.transformers_family import TransformersFamily

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE, AROUND_IMAGE, WHOLE_IMAGE = "<image>", "<fake_token_around_image>", "<global-img>"
START, END_OF_TEXT, END_OF_UTTERANCE = "<|im_start|>", "<|im_end|>", "<end_of_utterance>"


class SmolVLM(TransformersFamily):
    """Chat frame ``<|im_start|>User:<image>{instruction}<end_of_utterance>\\nAssistant:``, as in the hub's chat template."""

    network_class = "Idefics3ForConditionalGeneration"
    published: ClassVar[Mapping[str, Any]] = {  # SmolVLM-500M-Instruct
        "scale_factor": 4,
        "image_token_id": 49190,
        "tie_word_embeddings": False,
        "vision_config": {
            "hidden_size": 768,
            "image_size": 512,
            "intermediate_size": 3072,
            "patch_size": 16,
            "num_attention_heads": 12,
            "num_hidden_layers": 12,
        },
        "text_config": {
            "model_type": "llama",
            "hidden_size": 960,
            "intermediate_size": 2560,
            "head_dim": 64,
            "num_hidden_layers": 32,
            "num_attention_heads": 15,
            "num_key_value_heads": 5,
            "vocab_size": 49280,
            "max_position_embeddings": 8192,
            "rms_norm_eps": 1e-5,
        },
    }
    tiny_sizes: ClassVar[Mapping[str, int]] = {
        "patch_size": 16,
        "scale_factor": 2,
        "vision_width": 64,
        "vision_layers": 2,
        "vision_heads": 4,
        "language_width": 96,
        "language_layers": 3,
        "language_heads": 4,
    }
    special_tokens = (START, END_OF_TEXT, AROUND_IMAGE, WHOLE_IMAGE, IMAGE, END_OF_UTTERANCE)
    end_token, pad_token = END_OF_UTTERANCE, END_OF_TEXT
    never_written = (IMAGE, AROUND_IMAGE, WHOLE_IMAGE)
    towers: ClassVar[Mapping[Tower, str]] = {
        "vision": r"model\.vision_model",
        "connector": r"model\.connector",
        "language": r"model\.text_model|lm_head",
    }

    def image_tokens(self) -> int:
        """Patches of the image, over those that the connector joins into one token."""
        vision = self.config.vision_config
        return int((vision.image_size // vision.patch_size // self.config.scale_factor) ** 2)

    def _frame(self, example: Example, image: str) -> str:
        instruction = example.question if example.task == "question" else self.build.instruction
        return f"{START}User:{image}{example.prefix}{instruction}{END_OF_UTTERANCE}\nAssistant:"

    def prompt_text(self, example: Example) -> str:
        """The chat frame, without the image's tokens."""
        return self._frame(example, "")

    def prompt_ids(self, example: Example) -> list[int]:
        """The chat frame; the image's tokens are framed as the library's processor frames an image that is not split."""
        return self.with_image_tokens(self.encode(self._frame(example, AROUND_IMAGE + WHOLE_IMAGE + IMAGE + AROUND_IMAGE)), IMAGE)

    def answer_text(self, target: str) -> str:
        """A space separates ``Assistant:`` from what it says."""
        return f" {target}"

    def pixel_values(self, images: Sequence[Image]) -> Tensor:
        """(rows, 1, 3, side, side): one tile a row."""
        return normalised(images, self.build.image_size, Resampling.LANCZOS, HALF).unsqueeze(1)

    @classmethod
    def check_side(cls, config: Any, side: int) -> None:
        """See :class:`TransformersFamily`."""
        check_divisible(side, "patch_size x scale_factor", config.vision_config.patch_size * config.scale_factor)
        check_fixed_side(config.vision_config.image_size, side)

    @classmethod
    def tiny_config(cls, build: BuildSettings, tokenizer: Any, size: Mapping[str, int]) -> Mapping[str, Any]:
        """See :class:`TransformersFamily`. Feed-forward layers are 4 times as wide."""
        return {
            "scale_factor": size["scale_factor"],
            "image_token_id": tokenizer.convert_tokens_to_ids(IMAGE),
            "tie_word_embeddings": False,
            "vision_config": {
                "hidden_size": size["vision_width"],
                "image_size": build.image_size,
                "intermediate_size": 4 * size["vision_width"],
                "patch_size": size["patch_size"],
                "num_attention_heads": size["vision_heads"],
                "num_hidden_layers": size["vision_layers"],
            },
            "text_config": {
                "model_type": "llama",
                "hidden_size": size["language_width"],
                "intermediate_size": 4 * size["language_width"],
                "num_hidden_layers": size["language_layers"],
                "num_attention_heads": size["language_heads"],
                "num_key_value_heads": size["language_heads"],
                "vocab_size": len(tokenizer),
                "max_position_embeddings": 8192,
                "rms_norm_eps": 1e-5,
                "pad_token_id": None,
            },
        }


FAMILY = SmolVLM
