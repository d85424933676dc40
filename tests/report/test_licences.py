"""Licences in the report: counted as stated, and what an adapter inherits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from radtune.report.licences import NO_WEIGHTS, read_inheritances, read_licences
from radtune.report.read_run import read_run

Parse = Callable[[Path], Any]


def test_images_are_counted_by_licence_and_split(run_folder: Path) -> None:
    rows = read_licences(read_run(run_folder))
    assert [(row.dataset, row.licence, sum(row.images.values()), row.restricted) for row in rows] == [
        ("Test set", "CC BY", 30, 0),
        ("Test set", "MIT", 30, 0),
    ]
    assert rows[0].conditions == ["name the authors and the licence"]


def test_restricted_items_are_counted(restricted_run: tuple[Path, str]) -> None:
    assert [row.restricted for row in read_licences(read_run(restricted_run[0]))] == [0, 1]


def test_an_adapter_inherits_from_its_images_and_from_its_weights(run_folder: Path) -> None:
    entries = {tuple(entry.systems): entry for entry in read_inheritances(read_run(run_folder))}
    pretrained = entries[("soft_prompt_smollm2",)]
    assert pretrained.weights == "Llama 2 community licence"
    assert [condition for condition, _ in pretrained.conditions] == ["own terms", "attribution"]
    assert sum(pretrained.images.values()) == 44  # the rows of the mix; one item has no image
    random_weights = entries[("paligemma_tiny", "smolvlm_tiny", "visiongpt2_tiny")]
    assert random_weights.weights == NO_WEIGHTS
    assert [condition for condition, _ in random_weights.conditions] == ["attribution"]


def test_the_section_shows_both_tables(site: Path, parse: Parse) -> None:
    page = parse(site)
    (table,) = [table for table in page.tables if table[0][-1].strip() == "What it asks"]
    assert [cell.strip() for cell in table[1]][:3] == ["Test set", "CC BY", "15"]
    assert "own terms: terms of the giver" in page.text
