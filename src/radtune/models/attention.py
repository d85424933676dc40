"""Which implementation of attention a network is loaded with."""

from __future__ import annotations

import importlib.util

import torch

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError


def attention_for(build: BuildSettings, precision: str, network_takes_flash: bool = True) -> str:
    """transformers' name of the implementation that `build.attention` means here.

    ``network_takes_flash``: whether the network's class works with FlashAttention-2.
    Raises :class:`ConfigError` if FlashAttention-2 is asked for where it cannot work.
    """
    if build.attention not in ("auto", "flash_attention_2"):
        return build.attention
    lacks = [
        what
        for what, absent in {
            "the package flash-attn": importlib.util.find_spec("flash_attn") is None,
            "a GPU": not torch.cuda.is_available(),
            "bfloat16": precision != "bfloat16",
            "another family (this one's network does not take it)": not network_takes_flash,
        }.items()
        if absent
    ]
    if not lacks:
        return "flash_attention_2"
    if build.attention == "flash_attention_2":
        raise ConfigError(
            f"build.attention: flash_attention_2 needs {', '.join(lacks)}",
            "write auto, which takes sdpa otherwise",
        )
    return "sdpa"
