"""Settings: typed, frozen, and strict, so that a wrong key or a number in quotes is refused before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from radtune.artifacts.digests import canonical_json
from radtune.errors import ConfigError


class Settings(BaseModel):
    """Base of every block of the configuration. Unknown keys are refused, values are never converted, fields' docstrings
    become the descriptions of the generated JSON schema."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    def canonical(self) -> str:
        """The block as canonical JSON: what a rule gets as its param and what an artifact's footer records."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a block from JSON text, as a step's ``--settings`` brings it. Raises :class:`ConfigError`."""
        return validated(cls, json.loads(text), where="--settings")


class LiteralSecretError(ValueError):
    """What a validator raises about a value that must not be repeated in a message."""


Block = TypeVar("Block", bound=Settings)


def validated(cls: type[Block], values: Any, where: str) -> Block:
    """Check ``values`` (as YAML or JSON gave them) and return the typed block.

    Raises :class:`ConfigError` that names each wrong key, its value and the fix, all in one message.
    """
    try:
        # Through JSON, so that lists may stand for tuples while numbers in quotes stay refused.
        return cls.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        lines = [_explain(dict(problem)) for problem in error.errors(include_url=False)]
        raise ConfigError(f"{where}: {len(lines)} wrong value(s)\n" + "\n".join(f"  - {line}" for line in lines)) from None


def _explain(problem: dict[str, Any]) -> str:
    """One pydantic problem as a sentence with key, value and fix."""
    key = ".".join(str(part) for part in problem["loc"])
    value, kind = problem.get("input"), problem["type"]
    if kind == "extra_forbidden":
        return f"{key}: unknown key (value {value!r}); remove it or correct its spelling (docs/configuration.md lists all keys)"
    if isinstance(error := problem.get("ctx", {}).get("error"), LiteralSecretError):
        return f"{key}: {error}"
    if kind == "missing":
        return f"{key}: missing; add it"
    if kind in {"float_type", "int_type"} and isinstance(value, str) and _is_number(value):
        return (
            f"{key}: {value!r} is text to YAML, not a number; write {_yaml_number(value)} (YAML wants a point: 1.0e-4, not 1e-4)"
        )
    return f"{key}: {value!r}: {problem['msg']}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _yaml_number(text: str) -> str:
    """``text`` spelt so that YAML 1.1 reads a number: an exponent needs a point before it."""
    mantissa, exponent, power = text.lower().partition("e")
    return f"{mantissa}.0e{power}" if exponent and "." not in mantissa else text.lower()


def read_yaml(path: Path) -> Any:
    """Read one YAML file. Raises :class:`ConfigError` that names the file and the line."""
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
