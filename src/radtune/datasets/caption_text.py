"""Normalise captions by the configured rules, and count what was changed or found.

Captions of ROCOv2 and its kin were cut out of the XML of articles. Where an inline or block tag stood, a space may be lost:
the journal of the published experiment shows ``chestX-ray`` and ``CTpulmonary``, and ROCOv2 has ``SpineMRI``, ``ScanThis`` and
``of the chest.CT scan``. The rules below part these, and leave alone what is written in one word: units (``kVp``, ``mL``),
sequences (``cMRI``, ``mpMRI``), products (``DynaCT``, ``MitraClip``, ``ImageJ``), names (``McGregor``, ``mTOR``), combining forms
(``microCT``, ``angioMRI``) and indices (``SUVmax``, ``CTs``).
"""

from __future__ import annotations

import html
import re
from collections import Counter

from radtune.config.datasets import TextSettings

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")

_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
"""A character reference. The ``;`` is required, as ``R&D`` and ``a &lt b`` may be meant."""

_ATTRIBUTES = r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*/?"""
_POWER = re.compile(rf"(?<=\d)<sup{_ATTRIBUTES}>(?=[-−–]?\d)", re.IGNORECASE)
"""The opening tag of a power: ``10<sup>3</sup>`` must not become 103."""
_INLINE_TAG = re.compile(
    rf"</?(?:a|abbr|b|bold|em|ext-link|font|i|italic|sc|small|span|strong|sub|sup|tt|u|underline|xref){_ATTRIBUTES}>",
    re.IGNORECASE,
)
_BLOCK_TAG = re.compile(rf"</?(?:br|caption|div|label|li|list|list-item|ol|p|title|ul){_ATTRIBUTES}>", re.IGNORECASE)
"""Tags of HTML and of JATS, in which articles are kept. Only these: ``p<0.05`` and ``<5mm`` are no tags."""

_MAY_LACK_A_SPACE = re.compile(r"[a-z)]\.?[A-Z]|(?:CT|MRA|MRCP|MRI|PET|X-ray)[a-z]")
"""Found wherever :data:`_LOST_SPACE` is, and much faster to look for."""

_LOST_SPACE = re.compile(
    # A word before the name of an imaging technique: chestX-ray. At least four letters, so not cMRI or mpMRI.
    r"(?<=[A-Za-z][a-z]{2}[a-np-z])(?<!\b[Cc]ine)(?<!\bDyna)(?<!\bXper)"
    r"(?=(?:CBCT|CT|CTA|HRCT|MDCT|MRA|MRCP|MRI|PET|SPECT|X-rays?)\b)"
    # The name of an imaging technique before a word: CTpulmonary. At least four letters, so not CTs.
    r"|(?<![A-Za-z])(?P<technique>CT|MRA|MRCP|MRI|PET|X-ray)(?=[a-z]{4})"
    # A word before one that opens a sentence of captions: contrastArrows, ScanThis.
    r"|(?<=[a-z]{3})(?=(?:Arrowheads?|Arrows?|Axial|Coronal|Postoperative|Preoperative|Sagittal|The|There|These|This|"
    r"Transesophageal|Transthoracic|Transverse|Ultrasonography)\b)"
    # A full stop after a word or a bracket, before a sentence: chest.CT scan. Not in i.v., a.p. or an address.
    r"|(?:(?<=[a-z]{3})(?<!\bwww)|(?<=\w\)))(?P<stop>\.)(?=[A-Z])"
)


def plain(text: str) -> str:
    """``text`` in one line that any file can hold: runs of white space and control characters are one space, none at the ends;
    lone surrogates, which no encoding has, are U+FFFD."""
    if not text.isprintable():
        text = _LONE_SURROGATE.sub("�", _UNPRINTABLE.sub(" ", text))
    return " ".join(text.split())


def normalise(caption: str, settings: TextSettings) -> tuple[str, Counter[str]]:
    """The caption, :func:`plain` and by the rules of ``settings``, and how often each rule found something.

    Keys of the counter: ``html_tags``, ``character_references``, ``lost_spaces``; those found are counted whether the settings
    keep or mend them.
    """
    found: Counter[str] = Counter()
    text = plain(caption)
    if "<" in text or "&" in text:
        mended, found = _without_html(text)
        if settings.html == "remove":
            text = mended
    parted, lost_spaces = _with_spaces(text)
    if lost_spaces:
        found["lost_spaces"] = lost_spaces
        if settings.lost_spaces == "repair":
            text = parted
    return text, found


def _with_spaces(text: str) -> tuple[str, int]:
    """The text with its lost spaces, and their number."""
    total = 0
    while _MAY_LACK_A_SPACE.search(text):  # a space may show that another is lost: chestX-rayAxial
        text, lost = _LOST_SPACE.subn(lambda match: f"{match[0]} ", text)
        if not lost:
            break
        total += lost
    return text, total


def _without_html(text: str) -> tuple[str, Counter[str]]:
    """The text with its references decoded and its tags gone, and the number of both."""
    found: Counter[str] = Counter()
    while True:  # a decoded ``&`` may begin another reference; each turn makes the text shorter, or is the last
        references = [match[0] for match in _REFERENCE.finditer(text) if html.unescape(match[0]) != match[0]]
        text = _REFERENCE.sub(lambda match: html.unescape(match[0]), text)
        text, powers = _POWER.subn("^", text)
        text, inline = _INLINE_TAG.subn("", text)
        text, block = _BLOCK_TAG.subn(" ", text)
        tags = powers + inline + block
        if not references and not tags:
            return plain(text), +found
        found += Counter(html_tags=tags, character_references=len(references))
