"""Captions of the embedded sample, composed only from facts: what the header, the geometry or the catalogue says.

The wording is drawn from a few phrasings with the seed and the picture's own key, so it varies between pictures and never
between runs.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Modality = Literal["CT", "MRI", "Radiograph", "Ultrasound", "Scintigraphy"]


@dataclass(frozen=True)
class Facts:
    """What is true of one picture. Empty text or None: not known, so not said."""

    modality: Modality
    subject: str
    """With its article: ``the brain``."""
    detail: str = ""
    """The part shown, if the picture is an enlarged part."""
    technique: str = ""
    """Weighting, Doppler, map and the like."""
    plane: str = ""
    """``axial``, ``oblique coronal`` …"""
    level: str = ""
    """Place of the slice, as a phrase."""
    window: str = ""
    """CT display window."""
    contrast: str = ""
    """``contrast-enhanced`` if an agent was given."""
    view: str = ""
    """Projection of a radiograph."""
    display: str = ""
    """How brightness is shown, where that is not the usual."""
    frame: str = ""
    """Place in a cine loop, as a phrase."""
    notes: tuple[str, ...] = ()
    """Further true sentences."""

    def known(self) -> Mapping[str, Any]:
        """Only what is known, for the record."""
        return {name: value for name, value in asdict(self).items() if value}


_PHRASINGS: dict[Modality, tuple[str, ...]] = {
    "CT": (
        "{adjectives} CT of {subject}{display}{window}{detail}",
        "CT image of {subject}, {adjectives}{display}{window}{detail}",
        "{adjectives} computed tomography slice through {subject}{display}{window}{detail}",
    ),
    "MRI": (
        "{adjectives} MRI of {subject}{level}{detail}",
        "MR image of {subject}, {adjectives}{level}{detail}",
        "{adjectives} magnetic resonance image of {subject}{level}{detail}",
    ),
    "Radiograph": (
        "{adjectives} radiograph of {subject}{detail}",
        "Plain X-ray of {subject}, {adjectives} projection{detail}",
        "X-ray of {subject} in {adjectives} view{detail}",
    ),
    "Ultrasound": (
        "{adjectives} of {subject}{frame}{detail}",
        "Sonographic image of {subject}{frame}: {adjectives}{detail}",
    ),
    "Scintigraphy": (
        "{adjectives} of {subject}{display}{detail}",
        "Nuclear medicine image of {subject}: {adjectives}{display}{detail}",
    ),
}

_DETAILS = ("; detail showing {}", " (detail: {})", ", enlarged part with {}")

NOTE_PROBABILITY = 0.35
"""How often a true further sentence is added."""


def compose(facts: Facts, key: str, seed: int) -> str:
    """The caption of one picture. ``key`` identifies the picture; the same key, facts and seed give the same caption."""
    draw = random.Random(f"{seed} {key}")
    phrasing = draw.choice(_PHRASINGS[facts.modality])
    detail = draw.choice(_DETAILS).format(facts.detail) if facts.detail else ""
    window = draw.choice((", {}", " in a {}", ", displayed in a {}")).format(facts.window) if facts.window else ""
    adjectives = ", ".join(part for part in (facts.plane, facts.contrast, facts.view, facts.technique) if part)
    if facts.modality in ("CT", "MRI"):  # spoken before the noun, without commas: "axial contrast-enhanced T1-weighted MRI"
        adjectives = _before_noun(facts, draw)
    sentence = phrasing.format(
        adjectives=adjectives,
        subject=facts.subject,
        detail=detail,
        window=window,
        level=f", {facts.level}" if facts.level else "",
        frame=f", {facts.frame}" if facts.frame else "",
        display=f", {facts.display}" if facts.display else "",
    )
    sentences = [sentence[0].upper() + sentence[1:] + "."]
    sentences += [note for note in facts.notes if draw.random() < NOTE_PROBABILITY]
    return " ".join(sentences)


def _before_noun(facts: Facts, draw: random.Random) -> str:
    """Plane, contrast and technique in one of the orders that radiologists use."""
    parts = [facts.plane, facts.contrast, facts.technique]
    if draw.random() < 0.5:
        parts = [facts.contrast, facts.technique, facts.plane]
    return " ".join(part for part in parts if part)
