"""SmolVLM: SigLIP vision tower, pixel-shuffle connector and SmolLM2, as transformers' Idefics3.

The standardised square is one tile: it is not split, so an image takes 64 tokens at full size (512 pixels, patches of 16,
4 × 4 patches a token) instead of up to 1,088.
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
from radtune.models.sizes import sizes
from radtune.models.transformers_generation import greedy
from radtune.models.untyped import untyped

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE, AROUND_IMAGE, WHOLE_IMAGE = "<image>", "<fake_token_around_image>", "<global-img>"
START, END_OF_TEXT, END_OF_UTTERANCE = "<|im_start|>", "<|im_end|>", "<end_of_utterance>"
SPECIAL_TOKENS = (START, END_OF_TEXT, AROUND_IMAGE, WHOLE_IMAGE, IMAGE, END_OF_UTTERANCE)

TINY_SIZES = {
    "patch_size": 16,
    "scale_factor": 2,
    "vision_width": 64,
    "vision_layers": 2,
    "vision_heads": 4,
    "language_width": 96,
    "language_layers": 3,
    "language_heads": 4,
}
"""Sizes of a `tiny:` build unless `build.options` says otherwise; feed-forward layers are 4 times as wide."""


class SmolVLM(FamilyModel):
    """Chat frame ``<|im_start|>User:<image>{instruction}<end_of_utterance>\\nAssistant:``, as in the hub's chat template."""

    towers: ClassVar[Mapping[Tower, str]] = {
        "vision": r"model\.vision_model",
        "connector": r"model\.connector",
        "language": r"model\.text_model|lm_head",
    }
    image_tokens_in_text = True

    @property
    def end_id(self) -> int:
        """See :class:`FamilyModel`."""
        return self.token_id(END_OF_UTTERANCE)

    @property
    def pad_id(self) -> int:
        """See :class:`FamilyModel`."""
        return self.token_id(END_OF_TEXT)

    def image_tokens(self) -> int:
        """Patches of the image, over those that the connector joins into one token."""
        config: Any = self.network.config
        return int((config.vision_config.image_size // config.vision_config.patch_size // config.scale_factor) ** 2)

    def _frame(self, example: Example, image: str) -> str:
        instruction = example.question if example.task == "question" else self.build.instruction
        return f"{START}User:{image}{example.prefix}{instruction}{END_OF_UTTERANCE}\nAssistant:"

    def prompt_text(self, example: Example) -> str:
        """The chat frame, without the image's tokens."""
        return self._frame(example, "")

    def prompt_ids(self, example: Example) -> list[int]:
        """The chat frame; the image's tokens are framed as the library's processor frames an image that is not split."""
        return self.encode(self._frame(example, AROUND_IMAGE + WHOLE_IMAGE + IMAGE * self.image_tokens() + AROUND_IMAGE))

    def answer_text(self, target: str) -> str:
        """A space separates ``Assistant:`` from what it says."""
        return f" {target}"

    def pixel_values(self, images: Sequence[Image]) -> Tensor:
        """(rows, 1, 3, side, side): one tile a row."""
        return normalised(images, self.build.image_size, Resampling.LANCZOS, HALF).unsqueeze(1)

    def loss(self, batch: Mapping[str, Tensor]) -> Tensor:
        """See :class:`FamilyModel`."""
        batch, network = self.on_device(batch), untyped(self.network)
        states = network.model(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            pixel_values=batch["pixel_values"],
            use_cache=False,
        ).last_hidden_state
        return label_loss(states[:, :-1], batch["labels"][:, 1:], network.lm_head)

    def continue_greedily(self, batch: Mapping[str, Tensor], maximum_new_tokens: int) -> Tensor:
        """See :class:`FamilyModel`. Image tokens are never written."""
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "pixel_values")}
        never = [self.token_id(token) for token in (IMAGE, AROUND_IMAGE, WHOLE_IMAGE)]
        return greedy(self.network, inputs, maximum_new_tokens, self.end_id, self.pad_id, never)[:, batch["input_ids"].shape[1] :]

    def enable_activation_checkpointing(self) -> None:
        """See :class:`FamilyModel`."""
        untyped(self.network).gradient_checkpointing_enable({"use_reentrant": False})

    def output_head(self) -> str:
        """See :class:`FamilyModel`."""
        return "lm_head"


def load(build: BuildSettings, *, weights_cache: Path, precision: str) -> SmolVLM:
    """The pretrained model, or a small random one for a `tiny:` source."""
    from transformers import AutoTokenizer, Idefics3ForConditionalGeneration

    check_parts(build, ("model",))
    if is_tiny(build, "model"):
        tokenizer = byte_tokenizer(SPECIAL_TOKENS)
        config = _tiny_config(build, len(tokenizer), tokenizer.convert_tokens_to_ids(IMAGE))
        network = untyped(Idefics3ForConditionalGeneration)._from_config(config, dtype=PRECISIONS[precision])
    else:
        sizes(build, {})
        folder = fetch_part(build, "model", weights_cache)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        network = Idefics3ForConditionalGeneration.from_pretrained(
            folder, dtype=PRECISIONS[precision], local_files_only=True, use_safetensors=True
        )
        side = untyped(network).config.vision_config.image_size
        if build.image_size != side:
            raise ConfigError(f"build.image_size: {build.image_size}, but the checkpoint was made for {side}", f"write {side}")
    return SmolVLM(network.eval(), build, tokenizer)


def skeleton(build: BuildSettings) -> SmolVLM:
    """SmolVLM-500M-Instruct on the meta device: every shape, no weights, no download."""
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration

    config = Idefics3Config(
        scale_factor=4,
        image_token_id=49190,
        tie_word_embeddings=False,
        vision_config={
            "hidden_size": 768,
            "image_size": 512,
            "intermediate_size": 3072,
            "patch_size": 16,
            "num_attention_heads": 12,
            "num_hidden_layers": 12,
        },
        text_config={
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
    )
    with torch.device("meta"):
        return SmolVLM(Idefics3ForConditionalGeneration(config), build, None)


def _tiny_config(build: BuildSettings, vocabulary: int, image_token_id: int) -> Any:
    from transformers import Idefics3Config

    size = sizes(build, TINY_SIZES)
    if build.image_size % (size["patch_size"] * size["scale_factor"]):
        raise ConfigError(
            f"build.image_size: {build.image_size} is not a multiple of patch_size x scale_factor = "
            f"{size['patch_size']} x {size['scale_factor']}",
            "change it, or build.options.patch_size",
        )
    return Idefics3Config(
        scale_factor=size["scale_factor"],
        image_token_id=image_token_id,
        tie_word_embeddings=False,
        vision_config={
            "hidden_size": size["vision_width"],
            "image_size": build.image_size,
            "intermediate_size": 4 * size["vision_width"],
            "patch_size": size["patch_size"],
            "num_attention_heads": size["vision_heads"],
            "num_hidden_layers": size["vision_layers"],
        },
        text_config={
            "model_type": "llama",
            "hidden_size": size["language_width"],
            "intermediate_size": 4 * size["language_width"],
            "num_hidden_layers": size["language_layers"],
            "num_attention_heads": size["language_heads"],
            "num_key_value_heads": size["language_heads"],
            "vocab_size": vocabulary,
            "max_position_embeddings": 8192,
            "rms_norm_eps": 1e-5,
            "pad_token_id": None,
        },
    )
