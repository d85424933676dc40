"""Qwen2.5-VL: as Qwen2-VL, with a vision tower that attends within windows in all but a few blocks.

Its MLPs are gated, so that `gate_proj`, `up_proj` and `down_proj` exist in the vision tower too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from radtune.errors import ConfigError
from radtune.models.families.qwen2_vl import Qwen2VL


class Qwen25VL(Qwen2VL):
    """Frame, pixels and batches are Qwen2-VL's."""

    network_class = "Qwen2_5_VLForConditionalGeneration"
    published: ClassVar[Mapping[str, Any]] = {  # Qwen2.5-VL-3B-Instruct
        "tie_word_embeddings": True,
        "vision_config": {
            "depth": 32,
            "hidden_size": 1280,
            "hidden_act": "silu",
            "intermediate_size": 3420,
            "num_heads": 16,
            "in_channels": 3,
            "out_hidden_size": 2048,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 112,
            "fullatt_block_indexes": [7, 15, 23, 31],
            "tokens_per_second": 2,
        },
        "text_config": {
            "hidden_size": 2048,
            "intermediate_size": 11008,
            "num_hidden_layers": 36,
            "num_attention_heads": 16,
            "num_key_value_heads": 2,
            "vocab_size": 151936,
            "max_position_embeddings": 128000,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
        },
    }
    tiny_sizes: ClassVar[Mapping[str, int]] = {**Qwen2VL.tiny_sizes, "window_size": 28}

    @classmethod
    def tiny_vision_config(cls, size: Mapping[str, int]) -> dict[str, Any]:
        """See :class:`Qwen2VL`. The last block attends to the whole image, the others within windows of `window_size` pixels."""
        token = size["patch_size"] * size["merge_size"]
        if size["window_size"] % token:
            raise ConfigError(
                f"build.options: window_size {size['window_size']} is not a multiple of patch_size x merge_size = {token}",
                "change one of them",
            )
        return {
            "depth": size["vision_layers"],
            "hidden_size": size["vision_width"],
            "intermediate_size": 4 * size["vision_width"],
            "num_heads": size["vision_heads"],
            "out_hidden_size": size["language_width"],
            "patch_size": size["patch_size"],
            "spatial_merge_size": size["merge_size"],
            "temporal_patch_size": 2,
            "window_size": size["window_size"],
            "fullatt_block_indexes": [size["vision_layers"] - 1],
        }


FAMILY = Qwen25VL
