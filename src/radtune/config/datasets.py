"""Settings of the ``datasets`` room."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from radtune.config.base import Settings


class SampleSettings(Settings):
    """How the embedded sample is cut from images that pip packages carry."""

    slice_spacing_mm: Annotated[float, Field(gt=0)] = 4.0
    """Distance between the slices taken from a volume, in millimetres."""
    slab_gap_mm: Annotated[float, Field(ge=0)] = 12.0
    """Gap between the slabs of a volume that go to different splits, in millimetres."""
    cine_frame_step: Annotated[int, Field(ge=1)] = 6
    """Every n-th frame of a multi-frame cine is taken."""
    minimum_side: Annotated[int, Field(ge=1)] = 64
    """Images with a shorter side, in pixels, are left out (with a row in quarantine)."""
    maximum_side: Annotated[int, Field(ge=1)] = 1024
    """Images with a longer side, in pixels, are reduced to it."""
    minimum_tissue: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Slices of a volume with a smaller share of pixels that show tissue are left out (with a row in quarantine)."""


class DatasetSettings(Settings):
    """Where the image–caption pairs come from."""

    name: str = "ROCOv2"
    """Name of the data set, carried in every row."""
    folder: str | None = "resources/rocov2"
    """A folder in ROCOv2's layout: `train_captions.csv`, `train_concepts.csv` …, image folders one or two levels deep. Null
    for the embedded sample: images that pip packages carry."""
    limit_per_split: Annotated[int, Field(ge=1)] | None = None
    """Take at most this many pairs of each split (drawn with the seed); null for all."""
    sample: SampleSettings = SampleSettings()
    """How the embedded sample is made."""
