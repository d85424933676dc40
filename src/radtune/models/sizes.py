"""Sizes of a family's own parts, from `build.options`, and of the image they take."""

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


def check_divisible(side: int, what: str, divisor: int) -> None:
    """Raise :class:`ConfigError` unless ``divisor`` (``what``) divides the image's side."""
    if side % divisor:
        raise ConfigError(
            f"build.image_size: {side} is not a multiple of {what} = {divisor}", "change it, or the sizes in build.options"
        )


def check_fixed_side(expected: int, side: int) -> None:
    """Raise :class:`ConfigError` unless a tower with learned positions for ``expected`` pixels is given images of that side."""
    if side != expected:
        raise ConfigError(f"build.image_size: {side}, but the vision tower was made for {expected}", f"write {expected}")
