"""Folders that are no checkpoint of the family: one clear line each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, GPT2Config, PreTrainedConfig

from radtune.errors import WeightsError
from radtune.models.checkpoint_folder import load_tokenizer
from radtune.models.load import load_model

from .conftest import tiny_build, tiny_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    tiny = tiny_model("smolvlm")
    tiny.network.save_pretrained(folder)  # type: ignore[operator]
    tiny.tokenizer.save_pretrained(folder)
    return folder


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def with_code(folder: Path) -> None:
    change_config(folder, auto_map={"AutoModel": "modeling.Model"})
    (folder / "modeling.py").write_text("raise SystemExit('remote code ran')\n")


def other_architecture(folder: Path) -> None:
    change_config(folder, model_type="paligemma")


def truncated(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def lacking(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.connector.modality_projection.proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def other_size(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    change_config(folder, text_config=config["text_config"] | {"intermediate_size": 12})


def without_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (pickled, r"only pytorch_model.bin, a pickle"),
        (without_weights, "holds no weights"),
        (with_code, r"code of the checkpoint's own \(auto_map\), which is never run"),
        (other_architecture, "names the architecture paligemma, not idefics3"),
        (truncated, "cannot be loaded"),
        (lacking, r"lacks 1 tensors of the network, such as model.connector.modality_projection.proj.weight"),
        (other_size, "cannot be loaded"),
        (without_tokenizer, "cannot be loaded"),
        (broken_config, "not JSON"),
        (without_config, "no config.json"),
    ],
)
def test_refused(saved: Path, spoil: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    folder = tmp_path / "spoilt"
    shutil.copytree(saved, folder)
    spoil(folder)
    build = tiny_build("smolvlm").model_copy(update={"sources": {"model": f"path:{folder}"}})
    with pytest.raises(WeightsError, match=message) as caught:
        load_model(build, weights_cache=tmp_path, seed=1, precision="float32")
    assert str(folder) in caught.value.problem
    assert len(caught.value.problem.splitlines()) == 1


@pytest.mark.parametrize("config", [BertConfig, GPT2Config])
def test_a_tokenizer_without_words_is_refused(config: type[PreTrainedConfig], tmp_path: Path) -> None:
    config().save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="the tokenizer's vocabulary is missing"):
        load_tokenizer(tmp_path)
