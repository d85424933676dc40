"""Restricted rows go to language models on this machine, or to hosts that the user vouches for, and nowhere else."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from radtune.config.questions import QuestionSettings
from radtune.errors import DataError


def refuse_to_send(restricted: int, settings: QuestionSettings) -> None:
    """Raise :class:`DataError` if ``restricted`` rows would leave for an endpoint that may not have them.

    Data use agreements of credentialed sets (PhysioNet's among them) forbid sharing with third parties, online services of
    language models included. A proxy counts as elsewhere even where the endpoint itself is local.
    """
    if not restricted or settings.backend == "local" or settings.server_command:
        return
    parts = urlsplit(str(settings.endpoint))
    host = parts.hostname or ""
    if not is_local(host) and host not in settings.restricted_hosts:
        raise DataError(
            f"{restricted} restricted items would be sent to {host}",
            "use a language model on this machine (questions.backend: local, or an endpoint at 127.0.0.1), leave the restricted "
            "data set out, or name a host of your own institution in questions.restricted_hosts",
        )
    if parts.scheme in getproxies() and not proxy_bypass(host):
        raise DataError(
            f"{restricted} restricted items would pass a proxy on their way to {host}", f"add {host} to the variable NO_PROXY"
        )


def is_local(host: str) -> bool:
    """Whether ``host`` is this machine by its very name; a name that DNS might resolve elsewhere is not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
