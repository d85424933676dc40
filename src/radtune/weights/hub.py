"""Questions to the model hub that are not downloads."""

from __future__ import annotations

import re

from radtune.errors import ConfigError, WeightsError


def resolve_commit(text: str) -> str:
    """``hub:<org>/<name>@<commit>`` for ``hub:<org>/<name>[@<revision>]``.

    Raises :class:`ConfigError` for any other source and :class:`WeightsError` if the hub does not answer.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    match = re.fullmatch(r"hub:(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.-]+))?", text)
    if match is None:
        raise ConfigError(f"{text!r} is not a hub source", "write hub:<org>/<name>")
    try:
        commit = HfApi().model_info(match["name"], revision=match["revision"]).sha
    except (HfHubHTTPError, OSError) as error:
        raise WeightsError(f"{text}: the hub does not answer: {error}", "try again where there is internet") from error
    return f"hub:{match['name']}@{commit}"
