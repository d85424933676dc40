"""Soft visual prompts: a torchvision image encoder, a mapper, and a causal language model with LoRA (arXiv 2312.01504).

The text follows the prompts without any instruction. Two stages: mapper and LoRA first, the image encoder too from epoch 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
import torchvision
from PIL.Image import Resampling
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError, WeightsError
from radtune.models.architecture import local_checkpoint, published
from radtune.models.attention import attention_for
from radtune.models.batch_norm import take_statistics_of_noise
from radtune.models.byte_tokenizer import byte_tokenizer
from radtune.models.family import Example, FamilyModel, Stage, Tower
from radtune.models.label_loss import label_loss
from radtune.models.networks.soft_prompt import HEADS_OF_CLASSIFIERS, Mapper, SoftPromptNetwork, padding_first, trunk
from radtune.models.parts import PRECISIONS, check_parts, fetch_part, is_tiny, read_tensors, set_precision
from radtune.models.pixels import IMAGENET, normalised
from radtune.models.sizes import sizes
from radtune.models.transformers_generation import greedy
from radtune.models.untyped import untyped
from radtune.weights.checkpoint_folder import load_tokenizer
from radtune.weights.gguf import dequantised

if TYPE_CHECKING:
    from PIL.Image import Image

END, PAD = "<|im_end|>", "<|endoftext|>"
"""Special tokens of a tiny language model; a pretrained one brings its own."""

MAPPER_SIZES = {"visual_prompts": 49, "mapper_heads": 8, "mapper_feed_forward": 2048}
"""Sizes of the mapper unless `build.options` says otherwise: one prompt for each of the 7 × 7 features of a 224-pixel image, and
torch's own defaults."""

PUBLISHED_LANGUAGE = {"model_type": "gpt2", "n_embd": 1280, "n_layer": 36, "n_head": 20}
"""GPT-2 large. `build.architecture` changes it; one that names a `model_type` must describe the whole language model."""

TINY_LANGUAGE_SIZES = {"language_width": 96, "language_layers": 3, "language_heads": 4}
"""Further options of a `tiny:` language model."""

TINY_BLOCKS = [[1, 8, 1, 1], [4, 16, 1, 2], [4, 24, 1, 2], [4, 32, 1, 2]]
"""Blocks of a `tiny:` image encoder, as torchvision's MobileNetV2 takes them: expansion, channels, repeats, stride."""


class SoftPrompt(FamilyModel):
    """Soft prompts, then the predicted modality or the question, then the text."""

    network: SoftPromptNetwork
    towers: ClassVar[Mapping[Tower, str]] = {"vision": "vision", "connector": "connector", "language": "language"}
    stages: ClassVar[tuple[Stage, ...]] = (Stage(0, (r"connector\..*",)), Stage(1, (r"vision\..*",)))
    image_tokens_in_text = False
    options_taken = frozenset({"architecture", "attention", "vision_backbone"})
    new_parameters = r"connector\..*"

    @classmethod
    def load(cls, build: BuildSettings, *, weights_cache: Path, precision: str) -> Self:
        """Put together from `vision` and `language`; either may be `tiny:`. The mapper is always new."""
        size = _sizes(build)
        if is_tiny(build, "language"):
            tokenizer, config = _tiny_language(size)
            language = untyped(AutoModelForCausalLM).from_config(
                config, dtype=PRECISIONS[precision], attn_implementation=attention_for(build, precision)
            )
        else:
            tokenizer, language = _pretrained_language(build, weights_cache, precision)
        if is_tiny(build, "vision"):
            vision, channels = _tiny_vision()
            take_statistics_of_noise(vision, build.image_size)
        else:
            vision, channels = _torchvision_trunk(build)
            load_vision(vision, fetch_part(build, "vision", weights_cache))
        mapper = _mapper(channels, language.config.hidden_size, size)
        mapper.start_at_scale(language.get_input_embeddings().weight.detach().float().std().item())
        set_precision(vision, precision)
        set_precision(mapper, precision)
        return cls(SoftPromptNetwork(vision, mapper, language).eval(), build, tokenizer)

    @classmethod
    def skeleton(cls, build: BuildSettings) -> Self:
        """See :class:`FamilyModel`. The language model of a GGUF file or a hub is described by `build.architecture`."""
        size = _sizes(build)
        if is_tiny(build, "language"):
            _, config = _tiny_language(size)
        elif folder := local_checkpoint(build, "language"):
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
        else:
            config = AutoConfig.for_model(**published(PUBLISHED_LANGUAGE, build.architecture))
        with torch.device("meta"):
            vision, channels = _tiny_vision() if is_tiny(build, "vision") else _torchvision_trunk(build)
            language = untyped(AutoModelForCausalLM).from_config(config)
            return cls(SoftPromptNetwork(vision, _mapper(channels, config.hidden_size, size), language), build, None)

    @property
    def end_id(self) -> int:
        """The language model's own end token."""
        return self.token_id(self.tokenizer.eos_token)

    @property
    def pad_id(self) -> int:
        """The language model's padding token, or its end token if it has none (GPT-2)."""
        return self.token_id(self.tokenizer.pad_token or self.tokenizer.eos_token)

    def image_tokens(self) -> int:
        """The soft prompts."""
        return len(self.network.connector.queries)

    def prompt_text(self, example: Example) -> str:
        """Nothing in the plain captioning arm: the text follows the soft prompts."""
        if example.task == "question":
            return f"{example.prefix}Question: {example.question}\nAnswer:"
        return example.prefix.rstrip()

    def prompt_ids(self, example: Example) -> list[int]:
        """Ids of :meth:`prompt_text`; the soft prompts have none."""
        return self.encode(self.prompt_text(example))

    def answer_text(self, target: str) -> str:
        """After a space, as byte-level vocabularies know words, and as it follows a predicted modality."""
        return f" {target}"

    def pixel_values(self, images: Sequence[Image]) -> Tensor:
        """(rows, 3, side, side)."""
        return normalised(images, self.build.image_size, Resampling.BILINEAR, IMAGENET)

    def loss(self, batch: Mapping[str, Tensor]) -> Tensor:
        """See :class:`FamilyModel`. The last soft prompt predicts the first token of the text."""
        batch, language = self.on_device(batch), self.network.language
        inputs = self.network.inputs(batch["input_ids"], batch["attention_mask"], batch["pixel_values"])
        states = language.base_model(**inputs, use_cache=False).last_hidden_state
        return label_loss(states[:, self.image_tokens() - 1 : -1], batch["labels"], language.get_output_embeddings())

    def continue_greedily(self, batch: Mapping[str, Tensor], maximum_new_tokens: int) -> Tensor:
        """See :class:`FamilyModel`."""
        inputs = self.network.inputs(batch["input_ids"], batch["attention_mask"], batch["pixel_values"])
        return greedy(self.network.language, padding_first(inputs), maximum_new_tokens, self.end_id, self.pad_id)

    def enable_activation_checkpointing(self) -> None:
        """See :class:`FamilyModel`. Only the language model's: it holds nearly all activations."""
        self.network.language.gradient_checkpointing_enable({"use_reentrant": False})

    def output_head(self) -> str:
        """See :class:`FamilyModel`."""
        return "language.lm_head"


def _sizes(build: BuildSettings) -> dict[str, int]:
    check_parts(build, ("vision", "language"))
    return sizes(build, {**MAPPER_SIZES, **(TINY_LANGUAGE_SIZES if is_tiny(build, "language") else {})})


def load_vision(vision: nn.Module, path: Path) -> None:
    """Load a classifier's weights (a `.pth` of torchvision, or safetensors; timm's ResNets have the same names) without its head.

    Raises :class:`WeightsError` if they are not those of this encoder.
    """
    try:
        vision.load_state_dict(
            {name: tensor for name, tensor in read_tensors(path).items() if name.split(".")[0] not in HEADS_OF_CLASSIFIERS}
        )
    except RuntimeError as error:
        raise WeightsError(
            f"{path}: does not fit the image encoder: {error}", "correct build.vision_backbone or build.sources.vision"
        ) from error


def _mapper(channels: int, width: int, size: Mapping[str, int]) -> Mapper:
    if width % size["mapper_heads"]:
        raise ConfigError(
            f"build.options.mapper_heads: {size['mapper_heads']} does not divide the language model's width {width}",
            "choose a divisor",
        )
    return Mapper(channels, width, size["visual_prompts"], size["mapper_heads"], size["mapper_feed_forward"])


def _torchvision_trunk(build: BuildSettings) -> tuple[nn.Sequential, int]:
    """The encoder that `build.vision_backbone` names, without weights, and the channels of its feature map."""
    if build.vision_backbone == "resnet50":
        return trunk(torchvision.models.resnet50()), 2048
    return trunk(torchvision.models.mobilenet_v2()), 1280


def _tiny_vision() -> tuple[nn.Sequential, int]:
    """A small MobileNetV2 and the channels of its feature map."""
    return trunk(torchvision.models.mobilenet_v2(inverted_residual_setting=TINY_BLOCKS)), 1280


def _pretrained_language(build: BuildSettings, weights_cache: Path, precision: str) -> tuple[Any, Any]:
    """Tokenizer and model of a checkpoint folder or a GGUF file."""
    path = fetch_part(build, "language", weights_cache)
    folder = dequantised(path, weights_cache) if path.suffix == ".gguf" else path
    language = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=PRECISIONS[precision],
        attn_implementation=attention_for(build, precision),
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    return load_tokenizer(folder), language


def _tiny_language(size: Mapping[str, int]) -> tuple[Any, Any]:
    """Tokenizer and configuration of a `tiny:` language model."""
    tokenizer = byte_tokenizer((END, PAD))
    tokenizer.eos_token, tokenizer.pad_token = END, PAD
    config = untyped(AutoConfig).for_model(
        "llama",
        vocab_size=len(tokenizer),
        hidden_size=size["language_width"],
        intermediate_size=4 * size["language_width"],
        num_hidden_layers=size["language_layers"],
        num_attention_heads=size["language_heads"],
        max_position_embeddings=8192,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    return tokenizer, config


FAMILY = SoftPrompt
