from __future__ import annotations

import pytest
import torch

from radtune.errors import ArtifactError
from radtune.training.checkpoints import Checkpoints, fingerprint, remove_all
from radtune.training.progress import Progress
from training.tiny_world import SEED, make_world, recipe


def trained(value):
    return {"weight": torch.full((3,), float(value))}


def test_keeps_the_newest_and_the_best(tmp_path):
    checkpoints = Checkpoints(tmp_path, "f" * 64)
    assert checkpoints.latest() is None
    for step, best in ((2, 2), (4, 4), (6, 4), (8, 4)):
        checkpoints.save(Progress(step=step, best_step=best), trained(step), {"schedule": {"at": step}})
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["step-00000004", "step-00000008"]
    assert checkpoints.latest() == Progress(step=8, best_step=4)
    assert checkpoints.optimizer_state(8) == {"schedule": {"at": 8}}


def test_a_state_cut_short_is_not_seen(tmp_path):
    checkpoints = Checkpoints(tmp_path, "f" * 64)
    checkpoints.save(Progress(step=2), trained(2), {})
    half = checkpoints.folder / ".step-00000004.tmp"
    half.mkdir()
    (half / "trained.safetensors").write_bytes(b"half")
    assert checkpoints.latest() == Progress(step=2)
    checkpoints.save(Progress(step=4), trained(4), {})
    assert [path.name for path in checkpoints.folder.iterdir()] == ["step-00000004"]


def test_a_state_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    (tmp_path / ("f" * 64)).write_text("a file where the folder should be")
    with pytest.raises(ArtifactError, match="step-00000002"):
        Checkpoints(tmp_path, "f" * 64).save(Progress(step=2), trained(2), {})


@pytest.mark.parametrize("large", ["trained", "optimizer"])
def test_a_full_disk_is_an_error_and_leaves_the_state_before(tmp_path, large, limited_file_size):
    checkpoints = Checkpoints(tmp_path, "f" * 64)
    checkpoints.save(Progress(step=2), trained(2), {})
    tensors = {"weight": torch.ones(100_000)}
    with limited_file_size(50_000), pytest.raises(ArtifactError, match=r"step-00000004: cannot be written"):
        checkpoints.save(Progress(step=4), tensors if large == "trained" else trained(4), tensors if large == "optimizer" else {})
    assert [path.name for path in checkpoints.folder.iterdir()] == ["step-00000002"]


def test_remove_all_spares_what_is_not_a_state(tmp_path):
    for name in ("a" * 64, "b" * 64, "mine"):
        (tmp_path / name).mkdir()
    remove_all(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_fingerprint_sees_everything_the_result_depends_on(tmp_path):
    first, second = make_world(tmp_path / "a"), make_world(tmp_path / "b", train=6)
    marks = {
        fingerprint(recipe(), SEED, "code", [first.mix, *first.images]),
        fingerprint(recipe(learning_rate=1e-9), SEED, "code", [first.mix, *first.images]),
        fingerprint(recipe(), SEED + 1, "code", [first.mix, *first.images]),
        fingerprint(recipe(), SEED, "other code", [first.mix, *first.images]),
        fingerprint(recipe(), SEED, "code", [second.mix, *first.images]),
        fingerprint(recipe(), SEED, "code", [first.mix, *second.images]),
    }
    assert len(marks) == 6
    again = make_world(tmp_path / "c")  # the same content elsewhere
    assert fingerprint(recipe(), SEED, "code", [again.mix, *again.images]) in marks
