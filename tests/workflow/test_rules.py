"""What the rule files ask of Python."""

from __future__ import annotations

from pathlib import Path

from radtune.workflow.rules import asking, python_on, repeated, report_files


def test_repeated_options_are_one_word_each() -> None:
    assert repeated("--images", [Path("a b"), "c"]) == ["--images=a b", "--images=c"]


def test_message_names_gpus_only_where_there_are_some() -> None:
    assert "GPU" not in asking("Reading")
    assert asking("Training", 1).startswith("Training [1 GPU, ")


def test_commands_lease_gpus_and_several_are_for_torchrun() -> None:
    assert python_on(0) == "exec python -m"
    assert python_on(1) == "exec python -m radtune.workflow.gpu_lease --gpus 1 -- python -m"
    assert python_on(4).startswith("exec python -m radtune.workflow.gpu_lease --gpus 4 -- python -m torch.distributed.run ")
    assert "--nproc-per-node 4" in python_on(4)


def test_report_files_are_relative_and_there() -> None:
    files = report_files()
    assert {path.suffix for path in files} >= {".j2", ".css"}
    assert all(path.is_file() and not path.is_absolute() for path in files)
