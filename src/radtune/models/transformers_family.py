"""What families whose network is one of transformers' own classes have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from radtune.config.models import BuildSettings
from radtune.models.architecture import local_checkpoint, published
from radtune.models.attention import attention_for
from radtune.models.byte_tokenizer import byte_tokenizer
from radtune.models.family import FamilyModel
from radtune.models.label_loss import label_loss
from radtune.models.parts import PRECISIONS, check_parts, fetch_part, is_tiny
from radtune.models.quantisation import quantisation_for
from radtune.models.sizes import sizes
from radtune.models.transformers_generation import greedy
from radtune.models.untyped import untyped
from radtune.weights.checkpoint_folder import check_checkpoint, check_complete, load_tokenizer, reading


class TransformersFamily(FamilyModel):
    """A family with one source, `model`: a checkpoint folder of a transformers class, its tokenizer beside it.

    The network has a `model` that gives hidden states and an `lm_head` that gives logits.
    """

    network_class: ClassVar[str]
    """Name of the class in transformers; its configuration is `config_class` of it."""
    published: ClassVar[Mapping[str, Any]]
    """Arguments of the configuration at the published size."""
    special_tokens: ClassVar[tuple[str, ...]]
    """Special tokens of a `tiny:` model's tokenizer; a pretrained one brings its own."""
    end_token: ClassVar[str]
    """Ends an answer."""
    pad_token: ClassVar[str]
    """Fills up short rows."""
    never_written: ClassVar[tuple[str, ...]]
    """Tokens that a caption cannot hold, such as image placeholders."""
    network_inputs: ClassVar[tuple[str, ...]] = ("input_ids", "attention_mask", "pixel_values")
    """Entries of a batch that the network takes."""
    tiny_sizes: ClassVar[Mapping[str, int]]
    """Sizes of a `tiny:` build unless `build.options` says otherwise."""
    image_tokens_in_text = True
    options_taken = frozenset({"architecture", "attention", "quantisation"})

    @classmethod
    @abstractmethod
    def tiny_config(cls, build: BuildSettings, tokenizer: Any, size: Mapping[str, int]) -> Mapping[str, Any]:
        """Arguments of the configuration of a `tiny:` build with the sizes ``size``.

        Raises :class:`ConfigError` if the sizes do not fit each other.
        """

    @classmethod
    @abstractmethod
    def check_side(cls, config: Any, side: int) -> None:
        """Raise :class:`ConfigError` if a network with the configuration ``config`` does not take images of ``side`` pixels."""

    @classmethod
    def load(cls, build: BuildSettings, *, weights_cache: Path, precision: str) -> Self:
        """The pretrained model, or a small random one for a `tiny:` source."""
        check_parts(build, ("model",))
        network_class = cls._network_class()
        attention = attention_for(build, precision, network_class._supports_flash_attn)
        if is_tiny(build, "model"):
            tokenizer, config = cls._tiny(build)
            quantisation_for(build, precision)
            network = network_class._from_config(config, dtype=PRECISIONS[precision], attn_implementation=attention)
        else:
            sizes(build, {})
            folder = fetch_part(build, "model", weights_cache)
            check_checkpoint(folder, network_class.config_class.model_type)
            quantisation = quantisation_for(build, precision)
            with reading(folder):
                tokenizer = load_tokenizer(folder)
                network, found = network_class.from_pretrained(
                    folder,
                    dtype=PRECISIONS[precision],
                    attn_implementation=attention,
                    quantization_config=quantisation,
                    local_files_only=True,
                    use_safetensors=True,
                    trust_remote_code=False,
                    output_loading_info=True,
                )
            check_complete(folder, found["missing_keys"])
        cls.check_side(network.config, build.image_size)
        return cls(network.eval(), build, tokenizer)

    @classmethod
    def skeleton(cls, build: BuildSettings) -> Self:
        """See :class:`FamilyModel`."""
        check_parts(build, ("model",))
        network_class = cls._network_class()
        if is_tiny(build, "model"):
            _, config = cls._tiny(build)
        elif folder := local_checkpoint(build, "model"):
            config = network_class.config_class.from_pretrained(folder, local_files_only=True)
        else:
            config = network_class.config_class(**published(cls.published, build.architecture))
        cls.check_side(config, build.image_size)
        with torch.device("meta"):
            return cls(network_class(config), build, None)

    @classmethod
    def _network_class(cls) -> Any:
        import transformers

        return getattr(transformers, cls.network_class)

    @classmethod
    def _tiny(cls, build: BuildSettings) -> tuple[Any, Any]:
        """Tokenizer and configuration of a `tiny:` build."""
        tokenizer = byte_tokenizer(cls.special_tokens)
        arguments = cls.tiny_config(build, tokenizer, sizes(build, cls.tiny_sizes))
        return tokenizer, cls._network_class().config_class(**arguments)

    @property
    def config(self) -> Any:
        """The network's configuration."""
        return untyped(self.network).config

    @property
    def end_id(self) -> int:
        """See :class:`FamilyModel`."""
        return self.token_id(self.end_token)

    @property
    def pad_id(self) -> int:
        """See :class:`FamilyModel`."""
        return self.token_id(self.pad_token)

    def with_image_tokens(self, ids: list[int], placeholder: str) -> list[int]:
        """``ids`` with its one ``placeholder`` repeated for each of the image's tokens.

        Repeated as an id, not in the text: splitting thousands of placeholders takes longer than all the words.
        """
        place = ids.index(self.token_id(placeholder))
        return [*ids[:place], *[ids[place]] * self.image_tokens(), *ids[place + 1 :]]

    def inputs(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Those entries of a batch that the network takes."""
        return {name: batch[name] for name in self.network_inputs}

    def loss(self, batch: Mapping[str, Tensor]) -> Tensor:
        """See :class:`FamilyModel`."""
        batch, network = self.on_device(batch), untyped(self.network)
        states = network.model(**self.inputs(batch), use_cache=False).last_hidden_state
        return label_loss(states[:, :-1], batch["labels"][:, 1:], network.lm_head)

    def continue_greedily(self, batch: Mapping[str, Tensor], maximum_new_tokens: int) -> Tensor:
        """See :class:`FamilyModel`. Nothing of `never_written` is written."""
        never = [self.token_id(token) for token in self.never_written]
        ids = greedy(self.network, self.inputs(batch), maximum_new_tokens, self.end_id, self.pad_id, never)
        return ids[:, batch["input_ids"].shape[1] :]

    def enable_activation_checkpointing(self) -> None:
        """See :class:`FamilyModel`."""
        untyped(self.network).gradient_checkpointing_enable({"use_reentrant": False})

    def output_head(self) -> str:
        """See :class:`FamilyModel`."""
        return "lm_head"
