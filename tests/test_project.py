"""The project's own promises: one lock, environments that agree with it, rooms that import only what comes before them."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src/radtune"

ROOMS = [
    "datasets", "images", "modality", "questions", "mixes", "models", "training", "inference",
    "planning", "metrics", "benchmark", "report",
]  # fmt: skip
"""In the order in which data flows through them: a room imports only from rooms before it."""
SHARED = {
    "artifacts", "config", "weights", "statistics",
    "addresses", "errors", "licences", "network", "options", "private_folder", "progress",
}  # fmt: skip


def lock() -> dict[str, str]:
    lines = (ROOT / "envs/requirements.lock").read_text().splitlines()
    pins = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pins}


def test_lock_satisfies_every_requirement() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    for text in wanted:
        requirement = Requirement(text)
        pinned = lock().get(canonicalize_name(requirement.name))
        assert pinned, f"{requirement.name} is not in envs/requirements.lock"
        assert requirement.specifier.contains(pinned), f"{text}, but the lock pins {pinned}"


@pytest.mark.parametrize("path", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda path: path.stem)
def test_environments_pin_what_the_lock_pins(path: Path) -> None:
    environment = yaml.safe_load(path.read_text())
    (pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    assert len(pip) > 5
    for line in pip:
        name, version = line.split("==")
        assert lock()[canonicalize_name(name)] == version, line


def test_every_rule_names_an_environment_that_exists() -> None:
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for name in re.findall(r'conda:\n\s+"\.\./\.\./envs/(.+?)"', path.read_text()):
            assert (ROOT / "envs" / name).is_file(), f"{path.name}: {name}"


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    text = (ROOT / "docs/dependencies.md").read_text()
    for requirement in wanted:
        name = Requirement(requirement).name
        if not name.startswith(("types-", "pandas-stubs")):
            assert re.search(rf"\b{re.escape(name)}\b", text), f"docs/dependencies.md does not say why {name} is there"


def imports_of(path: Path) -> set[str]:
    """Rooms and shared packages that a module imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        found |= {name.split(".")[1] for name in names if name.startswith("radtune.")}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_before_it(room: str) -> None:
    allowed = SHARED | set(ROOMS[: ROOMS.index(room) + 1])
    for path in (PACKAGE / room).rglob("*.py"):
        assert imports_of(path) <= allowed, f"{path.relative_to(ROOT)} imports {sorted(imports_of(path) - allowed)}"


def test_shared_packages_import_no_room() -> None:
    for package in ("artifacts", "config", "weights", "statistics"):
        for path in (PACKAGE / package).rglob("*.py"):
            assert not imports_of(path) & set(ROOMS), path


def test_tests_mirror_the_package() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        room = path.relative_to(ROOT / "tests").parts[0]
        if (PACKAGE / room).is_dir():
            module = path.stem.removeprefix("test_")
            known = {module_path.stem for module_path in (PACKAGE / room).rglob("*.py")} | {"workflow", "browser", "slurm"}
            assert module in known, f"{path.relative_to(ROOT)} tests no module of its room"


def test_commands_import_steps_only_when_they_run() -> None:
    for path in PACKAGE.glob("*/commands.py"):
        at_top = {
            node.module
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("radtune.")
        }
        assert at_top <= {"radtune.options", "radtune.errors"}, path
