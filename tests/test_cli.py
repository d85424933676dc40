"""The command line: help that reads well, errors as one message, exit codes that mean something."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from radtune.cli import app

ROOT = Path(__file__).resolve().parents[1]


def radtune(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "radtune", *arguments], capture_output=True, text=True, check=False, cwd=ROOT)


def commands() -> list[list[str]]:
    """Every command and group, as arguments."""
    found: list[list[str]] = [[]]
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        found.append([name])
        found += [[name, below] for below in getattr(command, "commands", {})]
    return found


def test_every_command_and_option_has_help() -> None:
    assert len(commands()) > 25
    for path in commands():
        command = get_command(app)
        for name in path:
            command = command.commands[name]  # type: ignore[attr-defined]
        assert command.help, path
        assert not command.help.startswith("Keeps"), f"{path}: help speaks of the code, not of the command"
        for parameter in command.params:
            assert getattr(parameter, "help", None), (path, parameter.name)


@pytest.mark.parametrize("path", [[], ["datasets"], ["training", "train"], ["audit"]])
def test_help_exits_well(path: list[str]) -> None:
    result = radtune(*path, "--help")
    assert result.returncode == 0
    assert "Usage:" in result.stdout


def test_help_does_not_import_heavy_libraries() -> None:
    heavy = "{'torch', 'transformers', 'pandas'}"
    program = f"import sys; import radtune.cli; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_usage_error_is_two_and_no_traceback() -> None:
    result = radtune("images", "standardise")
    assert result.returncode == 2
    assert "Missing option" in result.stderr
    assert "Traceback" not in result.stderr


def test_users_error_is_one_message(tmp_path: Path) -> None:
    result = radtune("config", "check", str(tmp_path / "absent.yaml"))
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


def test_log_begins_with_the_command_and_holds_what_was_printed(tmp_path: Path) -> None:
    result = radtune("--log", str(tmp_path / "x y.log"), "config", "check", "config.yaml")
    assert result.returncode == 0
    first, *rest = (tmp_path / "x y.log").read_text().splitlines()
    assert first.endswith(f"radtune --log '{tmp_path}/x y.log' config check config.yaml")
    assert "\n".join(rest).strip() == result.stdout.strip()


def test_version() -> None:
    from radtune import __version__

    assert radtune("--version").stdout.strip() == __version__


def test_ctrl_c_has_its_own_exit_code() -> None:
    program = "import os, signal, radtune.cli as cli; cli.app = lambda: os.kill(os.getpid(), signal.SIGINT); cli.main()"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (130, "interrupted\n")
