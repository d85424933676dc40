from __future__ import annotations

import csv
import html
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radtune.config.datasets import TextSettings
from radtune.datasets.caption_text import normalise, plain

KEEP = TextSettings()
MEND = TextSettings(html="remove", lost_spaces="repair")

FRAGMENTS = st.sampled_from(
    [
        "chest",
        "X-ray",
        "CT",
        "MRI",
        "pulmonary",
        "Axial",
        "micro",
        "m",
        "(arrow)",
        ".",
        " ",
        "<b>",
        "</b>",
        "<sup>",
        "2",
        "&lt;",
        "&amp;",
    ]
)
CAPTIONS = st.lists(FRAGMENTS | st.text(max_size=4), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("published", "mended"),
    [
        # in the journal's figures
        ("chestX-ray showing", "chest X-ray showing"),
        ("CTpulmonary angiography", "CT pulmonary angiography"),
        # in ROCOv2
        ("lumbosacral SpineMRI lumbosacral", "lumbosacral Spine MRI lumbosacral"),
        ("Thoracic CT ScanThis transverse", "Thoracic CT Scan This transverse"),
        ("FindingsUltrasonography", "Findings Ultrasonography"),
        ("with contrastArrows indicate", "with contrast Arrows indicate"),
        ("CT scan of the chest.CT scan of", "CT scan of the chest. CT scan of"),
        ("(0–72 weeks).Clinical", "(0–72 weeks). Clinical"),
    ],
)
def test_spaces_lost_with_a_tag_are_repaired(published: str, mended: str) -> None:
    text, found = normalise(published, MEND)
    assert (text, found) == (mended, {"lost_spaces": 1})
    assert normalise(published, KEEP) == (published, found)


@pytest.mark.parametrize(
    "caption",
    [
        "at 120 kVp, 5 mL, 80 kV, 4 cGy, 200 mAs, 10 dB",
        "cMRI, fMRI, mpMRI and rsfMRI",
        "microCT, angioMRI, cineMRI, DynaCT, XperCT",
        "SPECT/CT, PET/CT and PET-CT, two CTs, three MRIs",
        "SUVmax of the iGTV; mTOR, pH, PsA, pT1a",
        "MitraClip, OptEase, ImageJ, McGregor line",
        "T2-weighted FLAIR X-ray",
        "i.v. contrast, a.p. view, 54 y.o., Fig.2, www.Example.org, e.g.MRI",
        "a small (<5mm) calcification, p<0.05, a < b and c>d, R&D, AT&T;",
    ],
)
def test_what_is_one_word_stays_one(caption: str) -> None:
    assert normalise(caption, MEND) == (caption, {})


@pytest.mark.parametrize(
    ("published", "mended"),
    [
        ("<i>E. coli</i> in the <B>liver</B>", "E. coli in the liver"),
        ("10<sup>3</sup> per cm<sup>2</sup>, CO<sub>2</sub>", "10^3 per cm2, CO2"),
        ("<title>CT</title><p>of the <xref ref-type='fig' rid=\"f1\">chest</xref><br/>axial</p>", "CT of the chest axial"),
        ("&lt;5&#x2009;mm &amp;amp; 3&nbsp;cm", "<5 mm & 3 cm"),
        ("&lt;sup&gt;2&lt;/sup&gt;", "2"),
        ("&nosuchname; stays", "&nosuchname; stays"),
    ],
)
def test_html_is_removed_or_kept(published: str, mended: str) -> None:
    text, found = normalise(published, TextSettings(html="remove"))
    assert text == mended
    assert normalise(published, KEEP) == (published, found)
    assert (published != mended) == (found["html_tags"] + found["character_references"] > 0)


def test_real_captions_have_lost_spaces_and_no_html(real_sample: Callable[[str], Path]) -> None:
    captions = []
    for path in sorted(real_sample("rocov2-text").glob("*_captions.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            captions += [row["Caption"] for row in csv.DictReader(file)]
    found = [normalise(caption, MEND)[1] for caption in captions]
    assert sum(bool(counts["lost_spaces"]) for counts in found) == 36
    assert not any(counts["html_tags"] + counts["character_references"] for counts in found)


@given(CAPTIONS)
def test_mending_twice_is_mending_once(caption: str) -> None:
    once, _ = normalise(caption, TextSettings(html="remove"))
    assert normalise(once, TextSettings(html="remove")) == (once, normalise(once, KEEP)[1])
    once, _ = normalise(caption, TextSettings(lost_spaces="repair"))
    assert normalise(once, KEEP)[1]["lost_spaces"] == 0


@given(CAPTIONS)
def test_repairing_adds_spaces_and_nothing_else(caption: str) -> None:
    repaired, found = normalise(caption, TextSettings(lost_spaces="repair"))
    assert repaired.replace(" ", "") == plain(caption).replace(" ", "")
    assert repaired.count(" ") - plain(caption).count(" ") == found["lost_spaces"]
    assert normalise(caption, KEEP) == (plain(caption), found)


@given(CAPTIONS)
def test_escaped_text_is_the_text_itself(caption: str) -> None:
    removed = TextSettings(html="remove")
    assert normalise(html.escape(caption), removed)[0] == normalise(caption, removed)[0]


@given(st.text(st.characters(codec=None), max_size=30))
def test_plain_text_is_one_line_that_any_file_can_hold(text: str) -> None:
    line = plain(text)
    assert len(line.encode().decode().splitlines()) <= 1
    assert line == line.strip() == plain(line)
    assert list(filter(str.isalnum, line)) == list(filter(str.isalnum, text))
