"""Documents made from the typed configuration: the commented ``config.yaml``, the JSON schema and the reference page.

They are committed, so that they can be read without running anything; a test fails when they drift from the source.
"""

from __future__ import annotations

import json
import textwrap
from typing import Any

import yaml
from pydantic import BaseModel

from radtune.config.base import Settings
from radtune.config.run import RadtuneConfig

_WIDTH = 110

_HEADER = """\
The published experiments, complete. Each key says what it is, models and mixes at the first of them; docs/configuration.md
has all keys in one table.
An overlay changes some keys and leaves the rest: snakemake --configfile workflow/runs/sample.yaml
Written by `radtune config write` from src/radtune/config; values may be edited here, comments come from there."""


def commented_yaml(config: RadtuneConfig) -> str:
    """``config`` as YAML with each field's docstring above its key."""
    return "\n".join(f"# {line}" for line in _HEADER.splitlines()) + "\n\n" + "\n".join(_block(config, "")) + "\n"


def _block(settings: BaseModel, indent: str) -> list[str]:
    lines: list[str] = []
    for name, field in type(settings).model_fields.items():
        if not indent and lines:
            lines.append("")
        text = " ".join((field.description or "").split())
        lines += [f"{indent}# {line}" for line in textwrap.wrap(text, _WIDTH - len(indent))]
        lines += _entry(name, getattr(settings, name), indent)
    return lines


def _entry(name: str, value: Any, indent: str) -> list[str]:
    """One key with its value: blocks nest, mappings of blocks nest twice (the first with comments), all else is one line."""
    if isinstance(value, BaseModel):
        return [f"{indent}{name}:", *_block(value, indent + "  ")]
    if isinstance(value, dict) and value and all(isinstance(item, BaseModel) for item in value.values()):
        (first, block), *others = value.items()
        lines = [f"{indent}{name}:", f"{indent}  {first}:", *_block(block, indent + "    ")]
        for key, item in others:
            lines += ["", f"{indent}  {key}:", *_compact(item, indent + "    ")]
        return lines
    if isinstance(value, dict) and value:
        return [f"{indent}{name}:", *(f"{indent}  {key}: {_scalar(item)}" for key, item in value.items())]
    return [f"{indent}{name}: {_scalar(value)}"]


def _compact(settings: BaseModel, indent: str) -> list[str]:
    """A block without comments, one wrapped line of flow YAML a key: the keys are explained where such a block comes first."""
    lines: list[str] = []
    for name, value in settings.model_dump(mode="json").items():
        text = yaml.safe_dump({name: value}, default_flow_style=True, width=_WIDTH - 10, allow_unicode=True, sort_keys=False)
        inner = text.strip()[1:-1]
        lines += [
            f"{indent}{line.strip()}" if number == 0 else f"{indent}  {line.strip()}"
            for number, line in enumerate(inner.splitlines())
        ]
    return lines


def _scalar(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=10_000, allow_unicode=True).removesuffix("\n...\n").strip()


def json_schema() -> str:
    """JSON schema (draft 2020-12) of the whole configuration."""
    return json.dumps(RadtuneConfig.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def reference_page() -> str:
    """Markdown table of every key: type, default and meaning."""
    lines = [
        "# Configuration",
        "",
        "Every key of `config.yaml`. Written by `radtune config write` from `src/radtune/config`.",
        "",
        "`<name>` stands for a name of your choice: a mix or a model. Unknown keys and values of another type are refused before",
        "anything runs. `1e-4` is text to YAML; write `1.0e-4`.",
        "",
        "| key | type | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    lines += _rows(RadtuneConfig, "")
    return "\n".join(lines) + "\n"


def _rows(cls: type[Settings], prefix: str) -> list[str]:
    rows: list[str] = []
    for name, field in cls.model_fields.items():
        key = f"{prefix}{name}"
        annotation: Any = field.annotation
        inner = annotation.__args__[-1] if getattr(annotation, "__origin__", None) is dict else annotation
        if isinstance(inner, type) and issubclass(inner, Settings):
            rows.append(f"| **`{key}`** | | | {_cell(field.description)} |")
            rows += _rows(inner, f"{key}.<name>." if inner is not annotation else f"{key}.")
            continue
        default = "required" if field.is_required() else f"`{_scalar(field.get_default(call_default_factory=True))}`"
        rows.append(f"| `{key}` | {_cell(_type_name(annotation))} | {_cell(default)} | {_cell(field.description)} |")
    return rows


def _type_name(annotation: Any) -> str:
    text = str(annotation) if not isinstance(annotation, type) or hasattr(annotation, "__args__") else annotation.__name__
    return f"`{text.replace('typing.', '').replace('NoneType', 'null')}`"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
