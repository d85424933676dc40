from __future__ import annotations

import importlib.util

import pytest
import torch

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError
from radtune.models.attention import attention_for
from radtune.training.device import attention_implementation

from .conftest import TRANSFORMERS_FAMILIES, tiny_build, tiny_model

here = importlib.util.find_spec("flash_attn") is not None and torch.cuda.is_available()
without_flash = pytest.mark.skipif(here, reason="FlashAttention-2 works here")


def build(attention: str) -> BuildSettings:
    return tiny_build("smolvlm").model_copy(update={"attention": attention})


@without_flash
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_auto_is_sdpa_where_flash_attention_cannot_work(precision: str) -> None:
    assert attention_for(build("auto"), precision) == "sdpa"


@pytest.mark.parametrize("name", ["sdpa", "eager"])
def test_what_is_named_is_taken(name: str) -> None:
    assert attention_for(build(name), "bfloat16") == name


def test_flash_attention_that_cannot_work_is_refused_with_all_that_lacks() -> None:
    with pytest.raises(ConfigError) as caught:
        attention_for(build("flash_attention_2"), "float32", network_takes_flash=False)
    lacks = caught.value.problem
    assert "bfloat16" in lacks
    assert "another family" in lacks
    assert ("the package flash-attn" in lacks) == (importlib.util.find_spec("flash_attn") is None)
    assert ("a GPU" in lacks) == (not torch.cuda.is_available())


@without_flash
@pytest.mark.parametrize("family", TRANSFORMERS_FAMILIES)
def test_networks_are_built_with_it(family: str) -> None:
    assert "sdpa" in attention_implementation(tiny_model(family).network).split("+")
