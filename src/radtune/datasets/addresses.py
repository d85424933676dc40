"""How sources of downloads are written where people read them: without what may hold a secret."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SECRET_PARTS = re.compile(r"""(?P<scheme>https?://)(?:[^\s/'"]*@)?(?P<place>[^\s?#'"]*)(?:\?[^\s#'"]*)?""")
"""An address in a text: what may hold a secret stands outside the groups."""


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
