"""Licences as sources write them, and what they add up to."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from radtune.licences import CONDITIONS, LICENCES, inherited, licence_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CC BY", "cc-by"),
        ("CC BY 4.0", "cc-by"),
        ("CC-BY-4.0", "cc-by"),
        ("cc by-nc", "cc-by-nc"),
        ("CC BY-NC-SA 4.0", "cc-by-nc-sa"),
        ("CC BY-NC-ND 4.0", "cc-by-nc-nd"),
        ("CC BY-SA", "cc-by-sa"),
        ("CC BY 2.0 / CC BY 4.0", "cc-by"),
        ("CC BY / CC BY-NC", "cc-by-nc"),
        ("CC0 1.0 (as released in VQA-RAD)", "cc0"),
        ("CC BY 4.0 (as released in VQA-Med 2019)", "cc-by"),
        ("https://creativecommons.org/licenses/by-nc/4.0/", "cc-by-nc"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0"),
        ("Creative Commons Attribution-NonCommercial 4.0", "cc-by-nc"),
        ("CC BY\u2011NC", "cc-by-nc"),
        ("CC BY\u2013NC\u2013ND 4.0", "cc-by-nc-nd"),
        ("CC BY_NC", "cc-by-nc"),
        ("CC BY (NC)", "cc-by-nc"),
        ("CC BY 4.0, non commercial", "cc-by-nc"),
        ("Creative Commons Attribution, Non-Commercial, No Derivatives", "cc-by-nc-nd"),
        ("Creative Commons Attribution-Share Alike 4.0", "cc-by-sa"),
        ("CC BY Nature, Sandoz", "cc-by"),
        ("CCBYNC", "unknown"),
        ("CC BY / CC BY-ND-SA", "unknown"),
        ("BSD-3-Clause; template: MNI licence (free use with notice)", "mni"),
        ("MIT", "mit"),
        ("Apache-2.0", "apache-2.0"),
        ("Llama 2 community licence", "llama"),
        ("Qwen research licence, non-commercial", "research-only"),
        ("PhysioNet Credentialed Health Data License 1.5.0", "physionet"),
        ("", "unknown"),
        ("none stated", "unknown"),
        ("permission granted", "unknown"),
        ("submit", "unknown"),
    ],
)
def test_licences_as_sources_write_them(text: str, expected: str) -> None:
    assert licence_id(text) == expected


def test_every_licence_of_the_real_set_is_known(rocov2_mini: Path) -> None:
    with (rocov2_mini / "sources.csv").open(newline="") as file:
        found = {row["image_licence"]: licence_id(row["image_licence"]) for row in csv.DictReader(file)}
    assert found
    assert "unknown" not in found.values()


def test_conditions_add_up_and_the_gravest_comes_first() -> None:
    assert inherited([]) == []
    assert inherited(["cc0"]) == []
    assert inherited(["cc0", "cc-by"]) == ["attribution"]
    assert inherited(["cc-by-sa", "cc-by-nc", "mit"]) == ["non-commercial", "share alike", "attribution"]
    assert inherited(["physionet", "unknown"]) == ["unknown", "credentialed access", "attribution"]
    assert set(inherited(LICENCES)) == set(CONDITIONS)
