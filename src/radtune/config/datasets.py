"""Settings of the ``datasets`` room."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from radtune.addresses import literal_secret
from radtune.config.base import LiteralSecretError, Settings
from radtune.licences import LICENCES

FORMATS = tuple(sorted(path.stem for path in (Path(__file__).parents[1] / "datasets/formats").glob("[a-z]*.py")))
"""The layouts that can be read: one module of `radtune.datasets.formats` each, found by its file: a new one is one file."""

LeakageKind = Literal["image", "group", "caption"]
"""Kinds of overlap, as `leakage` names them."""


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


class TextSettings(Settings):
    """How captions are normalised. White space is always collapsed; case and punctuation are never changed."""

    html: Literal["keep", "remove"] = "keep"
    """Tags and character references left over from web pages (`<sup>`, `&amp;`): kept as published, or removed and decoded."""
    lost_spaces: Literal["keep", "repair"] = "keep"
    """Words that run together where an inline tag was lost, such as `chestX-ray`: kept as published, or parted by rule. Counted
    either way."""
    minimum_words: int = Field(1, ge=1)
    """Captions with fewer words are left out (with a row in quarantine)."""
    maximum_words: int | None = Field(None, ge=1)
    """Captions with more words are left out (with a row in quarantine); null for no limit."""


class SourceSettings(Settings):
    """One data set: where it lies, how it is laid out, and what is taken of it."""

    format: str = Field("rocov2", json_schema_extra={"enum": list(FORMATS)})
    """Layout of the folder: a module of `radtune.datasets.formats`."""
    folder: str | None = None
    """The folder."""
    download: str | None = None
    """Where `radtune datasets fetch` has it from: `zenodo:<record>`, `hub:<owner>/<data set>@<revision>`, or `https:` addresses
    parted by spaces (`#sha256=…` after one proves it, a token in the environment variable NAME is written `${NAME}`). Null for
    a folder that is already there."""
    mirrors: tuple[str, ...] = ()
    """Other base addresses of the same files, tried in turn where one fails."""
    columns: dict[str, str] = {}
    """What the columns of a table of one's own are called, for formats without published names: `image`, `caption`, `id` …"""
    limit_per_split: int | None = Field(None, ge=1)
    """Take at most this many items of each split (drawn with the seed); null for all."""
    licences: tuple[str, ...] | None = None
    """Take only items under these licences, such as `[cc0, cc-by]` (`radtune.licences` has the names); null for all."""
    languages: tuple[str, ...] = ("en",)
    """Languages of questions that are taken (SLAKE is English and Chinese)."""
    restricted: bool = False
    """Treat every item as restricted: never sent to an LLM elsewhere, never shown in the report. Credentialed sets always are."""
    text: TextSettings = TextSettings()
    """How captions are normalised."""

    @field_validator("format")
    @classmethod
    def _format_exists(cls, format: str) -> str:
        if format not in FORMATS:
            raise ValueError(f"no such format; choose from {', '.join(FORMATS)}")
        return format

    @field_validator("download", "mirrors")
    @classmethod
    def _no_secret_stands_there(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        # A configuration is copied, printed and kept with every run.
        texts = value if isinstance(value, tuple) else (value or "",)
        for address in (word for text in texts for word in text.split() if "://" in word):
            if secret := literal_secret(address):
                raise LiteralSecretError(
                    f"{secret} is a secret: write ${{NAME}} in its place, and put it into the environment variable NAME"
                )
        return value

    @field_validator("licences")
    @classmethod
    def _licences_exist(cls, licences: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if unknown := sorted(set(licences or ()) - LICENCES.keys()):
            raise ValueError(f"no such licence: {', '.join(unknown)}; choose from {', '.join(LICENCES)}")
        return licences

    def reading_canonical(self) -> str:
        """What the reading step depends on, as canonical JSON: not where the data came from, nor where they lie."""
        return SourceSettings.model_validate(
            {name: getattr(self, name) for name in SourceSettings.model_fields}
            | {"folder": None, "download": None, "mirrors": ()}
        ).canonical()


class LeakageSettings(Settings):
    """How overlap between splits and data sets is found, and what follows from it."""

    gate: Literal["warn", "drop", "stop"] = "warn"
    """What follows for training rows that show what a test item shows: `warn` only reports them, `drop` leaves them out of every
    training, `stop` trains nothing."""
    gate_kinds: tuple[LeakageKind, ...] = ("image", "group")
    """Which kinds of overlap the gate acts on: near-duplicate images, shared articles, cases or studies (`group`), near-duplicate
    captions."""
    hash_distance: Annotated[int, Field(ge=0, le=20)] = 10
    """Images whose perceptual hashes differ in at most this many of 64 bits are compared by their pixels."""
    pixel_similarity: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Images are near-duplicates from this correlation of their pixel differences on (docs/leakage.md tells what it finds)."""
    aligned_similarity: Annotated[float, Field(gt=0, le=1)] = 0.96
    """Images that fall short of that are aligned, as one may be cropped, framed or turned a little, and are near-duplicates from
    this correlation on: a higher one, since aligning makes neighbouring slices alike too."""
    caption_similarity: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Captions are near-duplicates from this Jaccard index of their runs of three words on."""
    caption_words: Annotated[int, Field(ge=3)] = 8
    """Captions with fewer words are not compared: short stock phrases recur without a leak."""

    def finding_canonical(self) -> str:
        """What finding overlap depends on, as canonical JSON: not what follows from it."""
        return self.model_copy(update={"gate": "warn", "gate_kinds": ()}).canonical()


class DatasetSettings(SourceSettings):
    """Where the image–caption pairs come from."""

    name: str = "ROCOv2"
    """Name of the data set, carried in every row."""
    folder: str | None = "resources/rocov2"
    """The folder. Null for the embedded sample: images that pip packages carry."""
    download: str | None = "zenodo:10821435"
    """Where `radtune datasets fetch` has it from: `zenodo:<record>`, `hub:<owner>/<data set>@<revision>`, or `https:` addresses
    parted by spaces (`#sha256=…` after one proves it, a token in the environment variable NAME is written `${NAME}`). Null for
    a folder that is already there."""
    sample: SampleSettings = SampleSettings()
    """How the embedded sample is made."""
    further: dict[str, SourceSettings] = {}
    """Further data sets by name, which mixes may draw on (`mixes.<name>.further`); they are never tested on."""
    leakage: LeakageSettings = LeakageSettings()
    """Overlap between splits and data sets."""
