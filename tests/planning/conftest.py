"""The plan of every published model and of the overlays in the docs, made once, by the command, cut off from any server."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from radtune.config.documents import commented_yaml
from radtune.config.published import PUBLISHED

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = sorted((ROOT / "docs/overlays").glob("*.yaml"))


@dataclass(frozen=True)
class Planned:
    models: dict[str, dict[str, Any]]
    assumptions: list[str]
    cache: Path
    """What the command could have downloaded to."""
    peak_bytes: int


def run_plan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``radtune plan`` on the published configuration in ``folder``, without a network and with an empty cache."""
    (folder / "config.yaml").write_text(commented_yaml(PUBLISHED), encoding="utf-8")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "cache")}
    command = [sys.executable, "-m", "radtune", "plan", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    folder = tmp_path_factory.mktemp("plan")
    overlays = [argument for path in OVERLAYS for argument in ("--config", str(path))]
    done = run_plan(folder, "--config", "config.yaml", *overlays, "--format", "json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return Planned({model["model"]: model for model in plan["models"]}, plan["assumptions"], folder / "cache", peak)
