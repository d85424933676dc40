"""Licences: the names under which sources state them, and what each asks of whoever passes a work on.

Conditions of the Creative Commons licences: https://creativecommons.org/share-your-work/cclicenses/. This is a map for the
reader, not legal advice: the text of the licence counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

Condition = Literal[
    "attribution", "share alike", "non-commercial", "no derivatives", "own terms", "credentialed access", "unknown"
]

CONDITIONS: dict[Condition, str] = {
    "attribution": "name the authors and the licence",
    "share alike": "pass on what is made of it under the same licence",
    "non-commercial": "no commercial use",
    "no derivatives": "do not pass on what is made of it",
    "own terms": "terms of the giver, to be read and passed on",
    "credentialed access": "do not pass it on, nor what reveals it, to anyone outside the data use agreement",
    "unknown": "no licence is stated: ask the owner before passing on anything",
}
"""What a licence asks, from the least to the most."""


@dataclass(frozen=True)
class Licence:
    """One licence."""

    name: str
    """As it is written."""
    conditions: frozenset[Condition]
    pattern: re.Pattern[str]
    """How sources mention it, apart from Creative Commons' modular names."""


def _licence(name: str, pattern: str, *conditions: Condition) -> Licence:
    return Licence(name, frozenset(conditions), re.compile(pattern, re.IGNORECASE))


_MODULES: dict[str, tuple[Condition, str]] = {
    "nc": ("non-commercial", r"nc(?![a-z])|non[\s-]*commercial"),
    "nd": ("no derivatives", r"nd(?![a-z])|no[\s-]*deriv"),
    "sa": ("share alike", r"sa(?![a-z])|share[\s-]*alike"),
}
"""Modules of Creative Commons' names in their order: what each asks, and how it is spelt."""

LICENCES = {
    "cc0": _licence("CC0", r"\bcc[\s-]?0\b|creativecommons\.org/publicdomain/zero"),
    "public-domain": _licence("public domain", r"public[\s-]domain(?!/zero)"),
    "mit": _licence("MIT", r"\bMIT\b", "attribution"),
    "bsd": _licence("BSD", r"\bBSD\b", "attribution"),
    "apache-2.0": _licence("Apache 2.0", r"\bapache\b", "attribution"),
    "mni": _licence("MNI", r"\bMNI licen[cs]e\b", "attribution"),
    "llama": _licence("Llama community licence", r"\bllama[\s-]?[23](\.\d)?\b.*licen[cs]e", "attribution", "own terms"),
    "gemma": _licence("Gemma terms", r"\bgemma\b", "attribution", "own terms"),
    "research-only": _licence(
        "research licence",
        r"research (only|licen[cs]e)|non-?commercial (research|use)",
        "attribution",
        "non-commercial",
        "own terms",
    ),
    "physionet": _licence("PhysioNet credentialed", r"physionet credentialed", "attribution", "credentialed access"),
    **{
        "-".join(["cc-by", *modules]): _licence(
            "-".join(["CC BY", *(module.upper() for module in modules)]),
            "(?!)",  # found by _CREATIVE_COMMONS
            "attribution",
            *(_MODULES[module][0] for module in modules),
        )
        for modules in ((), ("sa",), ("nc",), ("nc", "sa"), ("nd",), ("nc", "nd"))
    },
    "unknown": _licence("not stated", "(?!)", "unknown"),
}
"""Licences by the short name that `datasets.licences` filters by. Versions are not told apart."""

_CREATIVE_COMMONS = re.compile(r"(?:\bcc[\s-]*by|licenses/by|creative commons attribution)(?![a-z])", re.IGNORECASE)

_DASHES = re.compile("[\u2010-\u2015\u2212]")
"""Hyphens and dashes of typesetters, which stand for ``-``."""


@cache
def licence_id(text: str) -> str:
    """The short name (a key of :data:`LICENCES`) of the licence that ``text`` states; of several, the one that asks most.

    ``unknown`` where none is stated or known: a filter must not take what it does not understand. So a module counts wherever it
    stands between one mention of Creative Commons and the next: ``CC BY 4.0, non commercial`` is no ``cc-by``.
    """
    text = _DASHES.sub("-", text)
    found = {name for name, licence in LICENCES.items() if licence.pattern.search(text)}
    for stated in _CREATIVE_COMMONS.split(text)[1:]:
        modules = [name for name, (_, spelt) in _MODULES.items() if re.search(rf"(?<![a-z])(?:{spelt})", stated, re.IGNORECASE)]
        found.add("-".join(["cc-by", *modules]))
    if not found <= LICENCES.keys():  # such as BY-ND-SA, which does not exist
        return "unknown"
    return max(found, key=lambda name: (_weight(LICENCES[name].conditions), name), default="unknown")


def _weight(conditions: Iterable[Condition]) -> list[int]:
    """Sort key: the gravest condition decides, then the next."""
    order = list(CONDITIONS)
    return sorted((order.index(condition) for condition in conditions), reverse=True)


def inherited(licence_ids: Iterable[str]) -> list[Condition]:
    """What somebody who passes on something made of works under all these licences must heed, the gravest first."""
    asked = {condition for name in licence_ids for condition in LICENCES[name].conditions}
    return [condition for condition in reversed(CONDITIONS) if condition in asked]
