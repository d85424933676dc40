from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from radtune.artifacts.digests import file_digest
from radtune.errors import ArtifactError
from radtune.training.adapter_file import AdapterMetadata, read_adapter_metadata, write_adapter
from training.tiny_world import SEED, recipe

METADATA = AdapterMetadata("f" * 64, SEED, recipe())


def test_comes_back_as_it_was_and_twice_the_same(tmp_path):
    tensors = {"b": torch.arange(3.0), "a": torch.ones(2, 2, dtype=torch.bfloat16)}
    for name in ("one", "two"):
        write_adapter(tmp_path / name, tensors, METADATA)
    assert file_digest(tmp_path / "one") == file_digest(tmp_path / "two")
    assert read_adapter_metadata(tmp_path / "one") == METADATA
    loaded = load_file(tmp_path / "one")
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())


def test_a_full_disk_leaves_nothing(tmp_path, limited_file_size):
    with limited_file_size(50_000), pytest.raises(ArtifactError, match="cannot be written"):
        write_adapter(tmp_path / "adapter", {"weight": torch.ones(100_000)}, METADATA)
    assert not list(tmp_path.iterdir())


def test_another_file_is_refused(tmp_path):
    save_file({"weight": torch.ones(2)}, tmp_path / "foreign")
    (tmp_path / "text").write_text("no tensors")
    for name in ("foreign", "text", "absent"):
        with pytest.raises(ArtifactError, match=name):
            read_adapter_metadata(tmp_path / name)
