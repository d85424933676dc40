"""Sizes of a family's own parts, from `build.options`."""

from __future__ import annotations

from collections.abc import Mapping

from radtune.config.models import BuildSettings
from radtune.errors import ConfigError


def sizes(build: BuildSettings, defaults: Mapping[str, int]) -> dict[str, int]:
    """The options of ``build`` over ``defaults``. Raises :class:`ConfigError` for an option the family does not have."""
    unknown = sorted(set(build.options) - set(defaults))
    if unknown:
        raise ConfigError(
            f"build.options: {build.family} has no {', '.join(unknown)}",
            f"choose from {', '.join(sorted(defaults)) or 'none'} (these sources take no others)",
        )
    return {**defaults, **build.options}
