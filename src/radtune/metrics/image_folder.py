"""Images of a plain folder by ID, for scoring without a workflow."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from radtune.config.images import ImageSettings
from radtune.datasets.source import IMAGE_SUFFIXES
from radtune.errors import DataError
from radtune.images.decode import RejectedImage, decode


class ImageFolder:
    """The image files of a folder and of the folders in it. A file's name without its suffix is the image's ID."""

    def __init__(self, folder: Path) -> None:
        """List the folder. Raises :class:`DataError` if it is none, or if two files have the same ID."""
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder", "correct the path of the images")
        self._folder = folder
        self._paths: dict[str, Path] = {}
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
                first = self._paths.setdefault(path.stem, path)
                if first != path:
                    raise DataError(f"{first} and {path}: two images of {path.stem}", "keep one of them")

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._paths

    def image(self, item_id: str) -> Image.Image:
        """The image upright and in RGB, at its own size. Raises :class:`DataError` if it is missing or cannot be read."""
        if item_id not in self._paths:
            raise DataError(f"{self._folder}: no image of {item_id}", "add it, under its ID as name")
        path, settings = self._paths[item_id], ImageSettings()
        try:
            return Image.fromarray(decode(path.read_bytes(), settings.fill, settings.maximum_pixels).pixels).convert("RGB")
        except RejectedImage as error:
            raise DataError(f"{path}: {error.detail}", "replace the file") from error
