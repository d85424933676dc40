"""The conda environments of the rules: each has what its rules import, and nothing that nobody explains."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from radtune.artifacts.code_digest import module_file, used_modules

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = sorted(path.name for path in (ROOT / "envs").glob("*.yaml"))
INSTALLED = packages_distributions()
LOADED_BY_NAME = {
    "radtune.datasets.source": "radtune.datasets.formats",
    "radtune.models.load": "radtune.models.families",
}
"""Modules that load those of a package by a name from the configuration, which no import shows."""


def rules() -> Iterator[tuple[str, str]]:
    """The environment of each rule that runs a command, and the command: room and name."""
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        text = path.read_text()
        shared = dict(re.findall(r"^([A-Z_]+) = \(\n(.*?)^\)", text, re.MULTILINE | re.DOTALL))
        for rule in re.split(r"^ *rule\b", text, flags=re.MULTILINE)[1:]:
            for name, command in shared.items():
                rule = re.sub(rf"^ +{name}$", command, rule, flags=re.MULTILINE)
            environment = re.search(r'"\.\./\.\./envs/(.+?)"', rule)
            command = re.search(r"radtune --log \{log\} (\S+ [\w-]+)", rule)
            assert (environment is None) == (command is None), f"{path.name}: {rule[:200]}"
            if environment and command:
                yield environment[1], command[1]


def step_modules(command: str) -> set[str]:
    """The modules that the function of a command imports."""
    room, name = command.split()
    for node in ast.parse((ROOT / f"src/radtune/{room}/commands.py").read_text()).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "app.command":
                named = (
                    decorator.args[0].value
                    if decorator.args and isinstance(decorator.args[0], ast.Constant)
                    else node.name.replace("_", "-")
                )
                if named == name:
                    return {name for name in imported(node) if name.startswith("radtune.") and module_file(name)}
    raise AssertionError(f"no command radtune {command}")


def imported(tree: ast.AST) -> Iterator[str]:
    """What ``tree`` imports, modules and names of modules, also inside functions, but not for the sake of types."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        else:
            yield from imported(node)


@cache
def foreign_imports(module: str) -> frozenset[str]:
    """Top-level names of the packages of others that a radtune module imports."""
    path = module_file(module)
    assert path is not None
    names = {name.partition(".")[0] for name in imported(ast.parse(path.read_text()))}
    return frozenset(names - {"radtune"} - sys.stdlib_module_names)


def imported_at_start() -> set[str]:
    """What ``import radtune.cli`` imports, whatever the command: the imports at the top of modules."""
    waiting, seen, foreign = ["radtune.cli"], set(), set()
    while waiting:
        module = waiting.pop()
        path = module_file(module)
        if module in seen or path is None:
            continue
        seen.add(module)
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [
                    node.module,
                    *(f"{node.module}.{alias.name}" for alias in node.names if node.module.startswith("radtune")),
                ]
            waiting += [name for name in names if name.startswith("radtune")]
            foreign |= {name.partition(".")[0] for name in names if not name.startswith("radtune")}
    return foreign - set(sys.stdlib_module_names)


@cache
def modules_of(environment: str) -> frozenset[str]:
    """Every radtune module that the rules of an environment use."""
    steps = {module for used, command in rules() if used == environment for module in step_modules(command)}
    modules = set(used_modules(*steps))
    for loader, package in LOADED_BY_NAME.items():
        if loader in modules:
            folder = ROOT / "src" / package.replace(".", "/")
            modules |= set(used_modules(*(f"{package}.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__")))
    return frozenset(modules)


@cache
def needed(environment: str) -> dict[str, set[str]]:
    """Packages that the rules of an environment import, each with who imports it."""
    found: dict[str, set[str]] = {name: {"radtune.cli"} for name in imported_at_start()}
    for module in modules_of(environment):
        for name in foreign_imports(module):
            found.setdefault(name, set()).add(module)
    return found


@cache
def distributions_of(name: str) -> frozenset[str]:
    """The installed distributions that bring the package ``name``."""
    return frozenset(canonicalize_name(distribution) for distribution in INSTALLED.get(name, [name]))


def pins(environment: str) -> dict[str, str]:
    """What an environment installs with pip: the distribution, and the comment that explains it, if there is one."""
    lines = re.findall(r"^      - ([\w.-]+)==\S+(?:  # (.+))?$", (ROOT / "envs" / environment).read_text(), re.MULTILINE)
    return {canonicalize_name(name): comment for name, comment in lines}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_import_of_its_rules_is_installed(environment: str) -> None:
    pinned = set(pins(environment))
    missing = {
        name: sorted(modules) for name, modules in needed(environment).items() if distributions_of(name).isdisjoint(pinned)
    }
    assert missing == {}


WITHOUT_OTHERS = """
import importlib.machinery, sys
others, modules = (set(argument.split()) for argument in sys.argv[1:])
finders = list(sys.meta_path)
class WithoutOthers:
    find_distributions = staticmethod(importlib.machinery.PathFinder.find_distributions)
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in others:
            return None
        return next(filter(None, (finder.find_spec(name, path, target) for finder in finders)), None)
sys.meta_path[:] = [WithoutOthers()]
for module in sorted(modules):
    importlib.import_module(module)
"""
"""Imports modules as if some packages were not installed."""


def with_dependencies(distributions: set[str]) -> set[str]:
    """``distributions`` and everything that pip installs with them."""
    seen: set[str] = set()
    waiting = list(distributions)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            requirements = map(Requirement, requires(name) or ())
        except PackageNotFoundError:  # of another platform
            continue
        waiting += [
            canonicalize_name(one.name) for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})
        ]
    return seen


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_its_steps_start_with_what_it_installs_alone(environment: str) -> None:
    installed = with_dependencies(set(pins(environment)))
    others = {name for name in INSTALLED if distributions_of(name).isdisjoint(installed)} - {"radtune"}
    assert "pytest" in others
    arguments = (" ".join(sorted(others)), " ".join(sorted({"radtune.cli", *modules_of(environment)})))
    done = subprocess.run([sys.executable, "-c", WITHOUT_OTHERS, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_pin_is_imported_or_explained(environment: str) -> None:
    used = {distribution for name in needed(environment) for distribution in distributions_of(name)}
    assert sorted(name for name, comment in pins(environment).items() if name not in used and not comment) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_conda_itself_brings_python_pip_and_what_has_a_reason(environment: str) -> None:
    dependencies = yaml.safe_load((ROOT / "envs" / environment).read_text())["dependencies"]
    lines = (ROOT / "envs" / environment).read_text().splitlines()
    for name in dependencies:
        if isinstance(name, str) and name not in ("python=3.11", "pip"):
            (line,) = (line for line in lines if line.strip().startswith(f"- {name}"))
            assert "  # " in line, f"{environment}: {name} is not in the lock; say why it is there"


def test_every_environment_is_used() -> None:
    assert {environment for environment, _ in rules()} == set(ENVIRONMENTS)
