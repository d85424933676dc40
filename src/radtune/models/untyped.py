"""The border to libraries whose types say less than their code."""

from __future__ import annotations

from typing import Any


def untyped(value: object) -> Any:
    """``value`` itself, with its type forgotten: transformers' networks have attributes that torch's types do not know."""
    return value
