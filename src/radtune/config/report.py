"""Settings of the ``report`` room."""

from __future__ import annotations

from radtune.config.base import Settings


class ReportSettings(Settings):
    """What the report shows."""

    title: str = "radtune"
    """Title of the site."""
    example_images: int = 20
    """Test images shown with reference and every model's caption."""
