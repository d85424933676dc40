"""The digest of the code that a step uses, so that a step reruns when its code changes and only then.

Snakemake sees the modification time of a script or the text of a command, never the modules behind it. This
digest is over the syntax trees (so neither comments, nor docstrings, nor layout count) of the step's module and of
every radtune module that it imports, directly or not. It enters each rule as a param.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = "radtune"
SOURCE_ROOT = Path(__file__).resolve().parents[1]


def module_file(module: str, root: Path = SOURCE_ROOT) -> Path | None:
    """The source file of a radtune module, or None if ``module`` names no module (then it is an attribute of one)."""
    parts = module.split(".")[1:]
    base = root.joinpath(*parts)
    for candidate in (base / "__init__.py", base.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


def _strip_docstrings(tree: ast.Module) -> ast.Module:
    """Remove every string that stands alone as a statement: docstrings of modules, classes, functions and fields."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [
                child
                for child in body
                if not (
                    isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant) and isinstance(child.value.value, str)
                )
            ]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
    return tree


def _imported_modules(tree: ast.Module, root: Path) -> set[str]:
    """Radtune modules named by any import statement of ``tree``, also those inside functions."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.ImportFrom) and node.level > 0:
            raise ValueError("radtune modules import each other by absolute names only")
        else:
            continue
        found.update(name for name in names if name.split(".")[0] == PACKAGE and module_file(name, root))
    return found


@cache
def _parsed(path: Path, root: Path, modified_ns: int) -> tuple[str, frozenset[str]]:
    """Digest of one file's stripped syntax tree, and the radtune modules it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    imports = _imported_modules(tree, root)
    dump = ast.dump(_strip_docstrings(tree), annotate_fields=False, include_attributes=False)
    return hashlib.sha256(dump.encode()).hexdigest(), frozenset(imports)


def used_modules(*modules: str, root: Path = SOURCE_ROOT) -> dict[str, str]:
    """Every radtune module that ``modules`` use, themselves included, with the digest of its code.

    Raises ``ValueError`` if one does not exist: a misspelt step must not get a digest of nothing.
    """
    for module in modules:
        if module_file(module, root) is None:
            raise ValueError(f"no such radtune module: {module}")
    digests: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = module_file(name, root)
        if name in digests or path is None:
            continue
        digests[name], imports = _parsed(path, root, path.stat().st_mtime_ns)
        waiting.extend(imports)
        if "." in name:
            waiting.append(name.rsplit(".", 1)[0])  # importing a.b.c runs a and a.b first
    return dict(sorted(digests.items()))


def code_digest(*modules: str, root: Path = SOURCE_ROOT) -> str:
    """SHA-256 over :func:`used_modules`, as hex.

    A step names itself and the modules it loads by name at run time (a model's family, a metric), which no import shows:
    so a change of one family's code retrains that family alone.
    """
    lines = (f"{name} {digest}\n" for name, digest in used_modules(*modules, root=root).items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()
