from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from radtune.errors import WeightsError
from radtune.models.parts import read_tensors

STATE = {"a.weight": torch.arange(4.0), "b": torch.zeros(2, 2)}


def same(state: dict[str, torch.Tensor]) -> bool:
    return state.keys() == STATE.keys() and all(torch.equal(tensor, STATE[name]) for name, tensor in state.items())


def test_every_kind_of_checkpoint(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "model.safetensors")
    torch.save(STATE, tmp_path / "a.pth")
    torch.save({"epoch": 3, "best_loss": 0.1, "state_dict": STATE}, tmp_path / "model.pth.tar")
    torch.save(STATE, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    for name in ("", "model.safetensors", "a.pth", "model.pth.tar", "old.pt"):
        assert same(read_tensors(tmp_path / name)), name


class Unwelcome:
    """A pickle that would write a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return (Path.touch, (self.path,))


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": STATE, "best": Unwelcome(tmp_path / "touched")}, tmp_path / "bad.pth")
    with pytest.raises(WeightsError, match=r"bad\.pth: not a checkpoint of tensors alone"):
        read_tensors(tmp_path / "bad.pth")
    assert not (tmp_path / "touched").exists()


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": 1}}, tmp_path / "numbers.pth")
    with pytest.raises(WeightsError, match="holds no state dictionary"):
        read_tensors(tmp_path / "numbers.pth")
    for name in ("cut.pth", "cut.safetensors"):
        (tmp_path / name).write_bytes(b"\x80\x02cut")
        with pytest.raises(WeightsError, match="not a checkpoint of tensors alone"):
            read_tensors(tmp_path / name)
    with pytest.raises(WeightsError, match="not a checkpoint of tensors alone"):
        read_tensors(tmp_path / "absent.pth")
    (tmp_path / "folder").mkdir()
    with pytest.raises(WeightsError, match=r"no model\.safetensors"):
        read_tensors(tmp_path / "folder")
