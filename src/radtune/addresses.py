"""Addresses of downloads: secrets come from the environment, and people read addresses without what may hold one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from radtune.errors import ConfigError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""``${NAME}``: the environment variable NAME."""

_SECRET_PARAMETER = re.compile(r"token|key|secret|signature|^sig$|pass|auth|credential", re.IGNORECASE)
"""What the parameter of an address is called that lets its bearer in."""

_SECRET_PARTS = re.compile(r"""(?P<scheme>https?://)(?:[^\s/'"]*@)?(?P<place>[^\s?#'"]*)(?:\?[^\s#'"]*)?""")
"""An address in a text: what may hold a secret stands outside the groups."""


def literal_secret(address: str) -> str | None:
    """What of an address is a secret that stands in it as such and not as ``${NAME}``, in words; None if nothing is."""
    parts = urlsplit(address)
    user, at, _ = parts.netloc.rpartition("@")
    if at and not _VARIABLE.fullmatch(user.partition(":")[2] or user):
        return "what stands before the @"
    for name, value in parse_qsl(parts.query):
        if _SECRET_PARAMETER.search(name) and not _VARIABLE.fullmatch(value):
            return f"the value of {name}"
    return None


def filled(address: str, environment: Mapping[str, str] = os.environ) -> str:
    """An address with every ``${NAME}`` replaced by the environment variable's value, percent-encoded where it has to be.

    Raises :class:`ConfigError` for a variable that is not set.
    """

    def value(found: re.Match[str]) -> str:
        if not environment.get(found[1]):
            raise ConfigError(f"{shown(address)}: the environment variable {found[1]} is not set", "set it where the fetch runs")
        return quote(environment[found[1]], safe="%")

    return _VARIABLE.sub(value, address)


def shown(address: str) -> str:
    """An address without user, password, query and fragment; a name of another kind (``hub:…``) as it is."""
    parts = urlsplit(address)
    if not parts.netloc:
        return address
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def source_id(download: str) -> str:
    """The setting ``download`` as a receipt records it: addresses without secrets, so that a new token is no new source."""
    if "://" not in download:
        return download
    return " ".join(shown(word) + (f"#{fragment}" if (fragment := urlsplit(word).fragment) else "") for word in download.split())


def source_name(download: str) -> str:
    """The setting ``download`` in a few words."""
    words = download.split()
    if "://" not in download:
        return download
    return shown(words[0]) + (f" and {len(words) - 1} more" if len(words) > 1 else "")


def without_secrets(text: str) -> str:
    """A text, such as a configuration, whose addresses have lost user, password and query. They keep their fragments."""
    return _SECRET_PARTS.sub(r"\g<scheme>\g<place>", text)
