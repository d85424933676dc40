"""Checkpoints that `transformers` would complete at random without a word."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import BertConfig, GPT2Config, PreTrainedConfig

from radtune.errors import WeightsError
from radtune.weights.checkpoint_folder import load_tokenizer


@pytest.mark.parametrize("config", [BertConfig, GPT2Config])
def test_a_tokenizer_without_words_is_refused(config: type[PreTrainedConfig], tmp_path: Path) -> None:
    config().save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="the tokenizer's vocabulary is missing"):
        load_tokenizer(tmp_path)
