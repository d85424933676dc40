"""Frozen weights in four bits (QLoRA, arXiv 2305.14314)."""

from __future__ import annotations

import importlib.util
import math
from typing import Any

from torch import Tensor, nn

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError
from radtune.models.parts import PRECISIONS, is_tiny
from radtune.models.untyped import untyped


def quantisation_for(build: BuildSettings, precision: str) -> Any:
    """transformers' quantisation settings for `build.quantisation`, or None.

    Raises :class:`ConfigError` where weights cannot be quantised.
    """
    if build.quantisation == "none":
        return None
    if is_tiny(build, "model"):
        raise ConfigError("build.quantisation: a tiny: model has no checkpoint to be quantised", "write none, or a path: source")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ConfigError("build.quantisation: nf4 needs the package bitsandbytes", "pip install 'radtune[qlora]', or write none")
    from transformers import BitsAndBytesConfig

    return untyped(BitsAndBytesConfig)(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=PRECISIONS[precision],
    )


def keep_differentiable(network: nn.Module) -> None:
    """Keep bitsandbytes from packing 4-bit weights for inference on processors with AVX-512 BF16.

    It would do so at the first forward pass in evaluation mode, for good; no gradient passes such a layer any more, and layers
    whose width is no multiple of 64 fail.
    """
    for module in network.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            untyped(module).support_avx512bf16_for_cpu = False


def parameter_count(parameter: Tensor) -> int:
    """Numbers that ``parameter`` stands for: bitsandbytes packs two 4-bit weights into a byte, which ``numel`` counts as one."""
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else math.prod(state.shape)
