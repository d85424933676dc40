"""IDEFICS: CLIP-like vision tower, perceiver resampler, and a Llama that reaches the image by gated cross-attention.

The text holds one placeholder a picture, not one a token: the picture's 64 latents stay outside the text, and
`image_attention_mask` says which positions attend to them (the placeholder and all that follows). transformers' own loss for
`labels` raises, because it expects as many columns of logits as the vocabulary has without the added words; ours is computed
from the hidden states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from PIL.Image import Resampling
from torch import Tensor

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError, WeightsError
from radtune.models.family import Example, Tower
from radtune.models.pixels import CLIP, normalised
from radtune.models.sizes import check_divisible, check_fixed_side
from radtune.models.transformers_family import TransformersFamily

if TYPE_CHECKING:
    from PIL.Image import Image

UNKNOWN, START, END = "<unk>", "<s>", "</s>"
AROUND_IMAGE, IMAGE, END_OF_UTTERANCE = "<fake_token_around_image>", "<image>", "<end_of_utterance>"
ADDED = (AROUND_IMAGE, IMAGE, END_OF_UTTERANCE)
"""Tokens beyond Llama's vocabulary. Their embeddings and their part of the head are tensors of their own."""


class Idefics(TransformersFamily):
    """Frame ``<s>User:{image}{instruction}<end_of_utterance>\\nAssistant:`` of the instructed checkpoints."""

    network_class = "IdeficsForVisionText2Text"
    published: ClassVar[Mapping[str, Any]] = {  # idefics-9b
        "vocab_size": 32000,
        "additional_vocab_size": 2,
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "cross_layer_interval": 4,
        "qk_layer_norms": True,
        "rms_norm_eps": 1e-6,
        "use_resampler": True,
        "alpha_initializer": "zeros",
        "alpha_type": "float",
        "tie_word_embeddings": False,
        "vision_config": {
            "embed_dim": 1280,
            "image_size": 224,
            "intermediate_size": 5120,
            "patch_size": 14,
            "num_attention_heads": 16,
            "num_hidden_layers": 32,
        },
        "perceiver_config": {
            "use_resampler": True,
            "resampler_n_latents": 64,
            "resampler_depth": 6,
            "resampler_n_heads": 16,
            "resampler_head_dim": 96,
            "qk_layer_norms_perceiver": True,
        },
    }
    tiny_sizes: ClassVar[Mapping[str, int]] = {
        "patch_size": 16,
        "vision_width": 64,
        "vision_layers": 2,
        "vision_heads": 4,
        "latents": 8,
        "resampler_layers": 1,
        "language_width": 96,
        "language_layers": 4,
        "language_heads": 4,
        "cross_layer_interval": 2,
    }
    special_tokens = (UNKNOWN, START, END, *ADDED)
    end_token, pad_token = END_OF_UTTERANCE, UNKNOWN
    never_written = (AROUND_IMAGE, IMAGE)
    network_inputs = ("input_ids", "attention_mask", "pixel_values", "image_attention_mask")
    image_tokens_in_text = False
    image_in_sequence = False
    towers: ClassVar[Mapping[Tower, str]] = {
        "vision": r"model\.vision_model",
        "connector": r"model\.(perceiver_resampler|gated_cross_attn_layers)",
        "language": r"model\.(embed_tokens|layers|norm)|lm_head",
    }

    @classmethod
    def load(cls, build: BuildSettings, *, weights_cache: Path, precision: str) -> Self:
        """See :class:`TransformersFamily`.

        Raises :class:`WeightsError` for a checkpoint without the tokens of the frame: each would become the unknown token.
        """
        model = super().load(build, weights_cache=weights_cache, precision=precision)
        known = model.tokenizer.get_vocab()
        words = model.config.vocab_size + model.config.additional_vocab_size
        for token in ADDED:
            if known.get(token, words) >= words:
                raise WeightsError(
                    f"{build.sources['model']}: its words do not include {token}", "name a checkpoint tuned to instructions"
                )
        return model

    def image_tokens(self) -> int:
        """Latents of the resampler, reached through cross-attention."""
        return int(self.config.perceiver_config.resampler_n_latents)

    def _frame(self, example: Example, image: str) -> str:
        instruction = example.question if example.task == "question" else self.build.instruction
        return f"{START}User:{image}{example.prefix}{instruction}{END_OF_UTTERANCE}\nAssistant:"

    def prompt_text(self, example: Example) -> str:
        """The frame, without the picture's placeholder."""
        return self._frame(example, "")

    def prompt_ids(self, example: Example) -> list[int]:
        """The frame, with the placeholder between the tokens that the library's processor puts around it."""
        return self.encode(self._frame(example, AROUND_IMAGE + IMAGE + AROUND_IMAGE))

    def answer_text(self, target: str) -> str:
        """A space separates ``Assistant:`` from what it says."""
        return f" {target}"

    def pixel_values(self, images: Sequence[Image]) -> Tensor:
        """(rows, 1, 3, side, side): one picture a row."""
        return normalised(images, self.build.image_size, Resampling.BICUBIC, CLIP).unsqueeze(1)

    def collate(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """As every family's, and `image_attention_mask` (rows, tokens, 1): ones from the placeholder on."""
        batch = super().collate(examples)
        placeholders = batch["input_ids"] == self.token_id(IMAGE)
        batch["image_attention_mask"] = placeholders.cumsum(dim=1).unsqueeze(-1)
        return batch

    @classmethod
    def check_side(cls, config: Any, side: int) -> None:
        """See :class:`TransformersFamily`."""
        check_divisible(side, "patch_size", config.vision_config.patch_size)
        check_fixed_side(config.vision_config.image_size, side)

    @classmethod
    def tiny_config(cls, build: BuildSettings, tokenizer: Any, size: Mapping[str, int]) -> Mapping[str, Any]:
        """See :class:`TransformersFamily`. Feed-forward layers are 4 times as wide, the resampler has the vision tower's heads.

        The gates of the cross-attention start at one. At zero, from where the published network was trained, a tiny one would
        not see the image at all, and training without the gates would never change that.
        """
        if size["language_layers"] % size["cross_layer_interval"]:
            raise ConfigError(
                f"build.options: language_layers {size['language_layers']} is not a multiple of cross_layer_interval "
                f"{size['cross_layer_interval']}",
                "change one of them",
            )
        return {
            "vocab_size": len(tokenizer) - len(ADDED),
            "additional_vocab_size": len(ADDED),
            "hidden_size": size["language_width"],
            "intermediate_size": 4 * size["language_width"],
            "num_hidden_layers": size["language_layers"],
            "num_attention_heads": size["language_heads"],
            "cross_layer_interval": size["cross_layer_interval"],
            "qk_layer_norms": True,
            "use_resampler": True,
            "alpha_initializer": "ones",
            "alpha_type": "float",
            "tie_word_embeddings": False,
            "pad_token_id": tokenizer.convert_tokens_to_ids(UNKNOWN),
            "bos_token_id": tokenizer.convert_tokens_to_ids(START),
            "eos_token_id": tokenizer.convert_tokens_to_ids(END),
            "vision_config": {
                "embed_dim": size["vision_width"],
                "image_size": build.image_size,
                "intermediate_size": 4 * size["vision_width"],
                "patch_size": size["patch_size"],
                "num_attention_heads": size["vision_heads"],
                "num_hidden_layers": size["vision_layers"],
            },
            "perceiver_config": {
                "use_resampler": True,
                "resampler_n_latents": size["latents"],
                "resampler_depth": size["resampler_layers"],
                "resampler_n_heads": size["vision_heads"],
                "resampler_head_dim": size["vision_width"] // size["vision_heads"],
                "qk_layer_norms_perceiver": True,
            },
        }


FAMILY = Idefics
