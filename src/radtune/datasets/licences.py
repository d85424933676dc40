"""Licences: the names under which sources state them, and what each asks of whoever passes a work on."""

from __future__ import annotations


def licence_id(text: str) -> str:
    """A short name of the licence that ``text`` states, such as ``cc-by``; ``unknown`` where it states none that is known."""
    return "-".join(text.lower().split()) or "unknown"
