"""LLaVA-1.5: CLIP vision tower, a projector of two linear layers and Vicuna.

Image features are taken before CLIP's last layer, so that layer never gets a gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from PIL.Image import Resampling
from torch import Tensor

from radtune.config.models import BuildSettings
from radtune.models.family import Example, Tower
from radtune.models.pixels import CLIP, normalised
from radtune.models.sizes import check_divisible, check_fixed_side
from radtune.models.transformers_family import TransformersFamily

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE, START, END = "<image>", "<s>", "</s>"
PAD = "<pad>"
"""Not in every checkpoint; one without it is padded with its unknown token."""

CLIP_VIT_L_336: Mapping[str, Any] = {
    "model_type": "clip_vision_model",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
    "projection_dim": 768,
}


class Llava(TransformersFamily):
    """Frame ``USER: <image>\\n{instruction} ASSISTANT:``, as in the hub's chat template."""

    network_class = "LlavaForConditionalGeneration"
    published: ClassVar[Mapping[str, Any]] = {  # llava-1.5-7b-hf
        "image_token_index": 32000,
        "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default",
        "projector_hidden_act": "gelu",
        "tie_word_embeddings": False,
        "vision_config": CLIP_VIT_L_336,
        "text_config": {
            "model_type": "llama",
            "hidden_size": 4096,
            "intermediate_size": 11008,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "vocab_size": 32064,
            "max_position_embeddings": 4096,
            "rms_norm_eps": 1e-5,
        },
    }
    tiny_sizes: ClassVar[Mapping[str, int]] = {
        "patch_size": 8,
        "vision_width": 64,
        "vision_layers": 3,
        "vision_heads": 4,
        "language_width": 96,
        "language_layers": 3,
        "language_heads": 4,
    }
    special_tokens = (START, END, PAD, IMAGE)
    end_token, pad_token = END, PAD
    never_written = (IMAGE,)
    towers: ClassVar[Mapping[Tower, str]] = {
        "vision": r"model\.vision_tower",
        "connector": r"model\.(multi_modal_projector|image_newline)",
        "language": r"model\.language_model|lm_head",
    }

    def patches(self) -> int:
        """Patches along each side of what the vision tower sees."""
        vision = self.config.vision_config
        return int(vision.image_size // vision.patch_size)

    def image_tokens(self) -> int:
        """One for each patch (576 at 336 pixels)."""
        return self.patches() ** 2

    def frame(self) -> str:
        """The conversation, with `{image}` and `{words}` to fill in."""
        return "USER: {image}\n{words} ASSISTANT:"

    def _framed(self, example: Example, image: str) -> str:
        instruction = example.question if example.task == "question" else self.build.instruction
        return self.frame().format(image=image, words=example.prefix + instruction)

    def prompt_text(self, example: Example) -> str:
        """The frame, without the image's tokens."""
        return self._framed(example, "")

    def prompt_ids(self, example: Example) -> list[int]:
        """The frame after one start token. That comes by its id: text after a special token is split into words differently
        from text at the beginning."""
        return self.with_image_tokens([self.token_id(START), *self.encode(self._framed(example, IMAGE))], IMAGE)

    def answer_text(self, target: str) -> str:
        """A space separates the frame from what follows it."""
        return f" {target}"

    def pixel_values(self, images: Sequence[Image]) -> Tensor:
        """(rows, 3, side, side)."""
        return normalised(images, self.build.image_size, Resampling.BICUBIC, CLIP)

    @classmethod
    def check_side(cls, config: Any, side: int) -> None:
        """See :class:`TransformersFamily`."""
        check_fixed_side(config.vision_config.image_size, side)

    @classmethod
    def tiny_config(cls, build: BuildSettings, tokenizer: Any, size: Mapping[str, int]) -> Mapping[str, Any]:
        """See :class:`TransformersFamily`. `build.architecture` may name another `model_type` of the language model;
        feed-forward layers are 4 times as wide."""
        check_divisible(build.image_size, "patch_size", size["patch_size"])
        return {
            "image_token_index": tokenizer.convert_tokens_to_ids(IMAGE),
            "tie_word_embeddings": False,
            "vision_config": {
                "model_type": "clip_vision_model",
                "hidden_size": size["vision_width"],
                "intermediate_size": 4 * size["vision_width"],
                "num_hidden_layers": size["vision_layers"],
                "num_attention_heads": size["vision_heads"],
                "image_size": build.image_size,
                "patch_size": size["patch_size"],
            },
            "text_config": {
                "model_type": build.architecture.get("text_config", {}).get(
                    "model_type", cls.published["text_config"]["model_type"]
                ),
                "hidden_size": size["language_width"],
                "intermediate_size": 4 * size["language_width"],
                "num_hidden_layers": size["language_layers"],
                "num_attention_heads": size["language_heads"],
                "num_key_value_heads": size["language_heads"],
                "vocab_size": len(tokenizer),
                "max_position_embeddings": 4096,
                "rms_norm_eps": 1e-5,
                "bos_token_id": tokenizer.convert_tokens_to_ids(START),
                "eos_token_id": tokenizer.convert_tokens_to_ids(END),
                "pad_token_id": None,
            },
        }


FAMILY = Llava
