"""A step's digest changes with the code it uses, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from radtune.artifacts.code_digest import code_digest, used_modules

FILES = {
    "__init__.py": "",
    "images/__init__.py": '"""Room."""\n',
    "images/fit.py": 'def fit(side: int) -> int:\n    """Fit."""\n    return side + 1\n',
    "images/step.py": "def step() -> int:\n    from radtune.images.fit import fit\n\n    return fit(1)\n",
    "images/other.py": "VALUE = 1\n",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_follows_imports_also_inside_functions(package: Path) -> None:
    assert set(used_modules("radtune.images.step", root=package)) == {
        "radtune", "radtune.images", "radtune.images.fit", "radtune.images.step",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("images/fit.py", '# now\ndef fit(side: int) -> int:\n    """Make it fit."""\n\n    return (side + 1)\n', False),
        ("images/fit.py", "def fit(side: int) -> int:\n    return side + 1\n", False),
        ("images/fit.py", 'def fit(side: int) -> int:\n    """Fit."""\n    return side + 2\n', True),
        ("images/fit.py", 'def fit(size: int) -> int:\n    """Fit."""\n    return size + 1\n', True),
        ("images/__init__.py", '"""The room of images."""\n', False),
        ("images/__init__.py", "LOADED = True\n", True),
        ("images/other.py", "VALUE = 2\n", False),
    ],
)
def test_what_changes_the_digest(package: Path, file: str, text: str, changes: bool) -> None:
    before = code_digest("radtune.images.step", root=package)
    (package / file).write_text(text)
    assert (code_digest("radtune.images.step", root=package) != before) is changes


def test_touching_changes_nothing(package: Path) -> None:
    before = code_digest("radtune.images.step", root=package)
    (package / "images/fit.py").touch()
    assert code_digest("radtune.images.step", root=package) == before


def test_a_module_loaded_by_name_counts_once_it_is_named(package: Path) -> None:
    before = code_digest("radtune.images.step", "radtune.images.other", root=package)
    (package / "images/other.py").write_text("VALUE = 2\n")
    assert code_digest("radtune.images.step", "radtune.images.other", root=package) != before


def test_misspelt_step_is_an_error(package: Path) -> None:
    with pytest.raises(ValueError, match=r"no such radtune module: radtune\.images\.stop"):
        code_digest("radtune.images.stop", root=package)


def test_kinds_of_other_steps_do_not_count() -> None:
    used = used_modules("radtune.images.standardise")
    assert "radtune.artifacts.kinds.images" in used
    assert "radtune.artifacts.kinds.scores" not in used
    assert not any(name.startswith(("radtune.training", "radtune.metrics", "radtune.config.models")) for name in used)
