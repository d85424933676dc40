"""Every run carries the complete configuration that made it."""

from __future__ import annotations

from pathlib import Path

from radtune.artifacts.io import atomic_path
from radtune.config.documents import commented_yaml
from radtune.config.run import RadtuneConfig


def record_config(config: RadtuneConfig, path: Path) -> None:
    """Write ``config`` to ``path`` as commented YAML, unless it stands there already."""
    text = commented_yaml(config)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
