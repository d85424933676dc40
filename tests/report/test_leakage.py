"""The leakage section: what a real search of the run found, its pictures, and nothing of restricted items."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from radtune.artifacts.io import read_footer, read_rows, write
from radtune.artifacts.kinds.leakage import LEAKAGE
from radtune.artifacts.layout import Layout
from radtune.artifacts.provenance import provenance
from radtune.config.datasets import LeakageSettings
from radtune.config.report import ReportSettings
from radtune.datasets.leakage import find_leakage
from radtune.report.leakage import GROUPS, PAIRS, Leakage, read_leakage
from radtune.report.read_run import read_run
from radtune.report.site import build_site

Parse = Callable[[Path], Any]


def search(run: Path, folder: Path, **settings: Any) -> Path:
    """A copy of ``run`` in which overlap was searched."""
    copy = folder / "sample"
    shutil.copytree(run, copy)
    layout = Layout(copy)
    find_leakage([layout.captions], read_run(copy).image_shards, layout.leakage, settings=LeakageSettings(**settings), seed=1)
    return copy


@pytest.fixture(scope="module")
def searched(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's captions differ in two words, so that each is like every other."""
    return search(run_folder, tmp_path_factory.mktemp("searched"), caption_similarity=0.5)


def found(run: Path) -> Leakage:
    leakage = read_leakage(read_run(run))
    assert leakage
    return leakage


def test_a_run_that_was_not_searched_says_so(run_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "sample"
    shutil.copytree(run_folder, copy)
    Layout(copy).leakage.unlink()
    assert read_leakage(read_run(copy)) is None
    page = tmp_path / "index.html"
    build_site(copy, page, settings=ReportSettings(example_images=1), seed=1)
    assert "radtune datasets leakage" in page.read_text(encoding="utf-8")


def test_counts_are_those_of_the_artifact(searched: Path) -> None:
    rows = read_rows(Layout(searched).leakage, LEAKAGE)
    leakage = found(searched)
    assert {overlap.kind for overlap in leakage.overlaps} == {row["kind"] for row in rows} >= {"caption", "group"}
    for overlap in leakage.overlaps:
        own = [
            row
            for row in rows
            if row["kind"] == overlap.kind
            and f"{row['dataset']} {row['split']}" == overlap.part
            and f"{row['other_dataset']} {row['other_split']}" == overlap.other
        ]
        assert overlap.items == len({row["item_id"] for row in own})
        assert overlap.others == len({row["other_id"] for row in own})
        assert overlap.in_test == overlap.other.endswith(" test")
    assert leakage.all_groups == len({row["group"] for row in rows if row["kind"] == "group"})
    assert len(leakage.groups) <= GROUPS


def test_a_pair_that_shares_image_and_caption_is_shown_as_both(run_folder: Path, tmp_path: Path) -> None:
    """Both are as alike as can be, and only the image has a distance."""
    copy = tmp_path / "sample"
    shutil.copytree(run_folder, copy)
    layout = Layout(copy)
    caption = {"kind": "caption", "across": "splits", "item_id": "item_001", "dataset": "Test set", "split": "train"} | {
        "other_id": "item_016", "other_dataset": "Test set", "other_split": "test", "distance": None, "similarity": 1.0,
        "group": "",
    }  # fmt: skip
    footer = read_footer(layout.leakage)
    record = replace(
        provenance("radtune.datasets.leakage", LeakageSettings(), 1, {}, notes=footer["notes"]), settings=footer["settings"]
    )
    write(layout.leakage, LEAKAGE, [caption, caption | {"kind": "image", "distance": 0}], record)
    assert [(pair.kind, pair.similarity) for pair in found(copy).pairs] == [("image", 1.0), ("caption", 1.0)]


def test_the_most_alike_pairs_are_shown_test_items_first(searched: Path) -> None:
    rows = read_rows(Layout(searched).leakage, LEAKAGE)
    pairs = [pair for pair in found(searched).pairs if pair.kind == "caption"]
    assert len(pairs) == PAIRS
    test = sorted((row["similarity"] for row in rows if row["kind"] == "caption" and row["other_split"] == "test"), reverse=True)
    assert [pair.similarity for pair in pairs] == test[:PAIRS]
    assert all(pair.sides[0].caption and pair.sides[1].caption for pair in pairs)


def test_the_page_shows_both_pictures_and_escapes_every_text(
    searched: Path, tmp_path: Path, parse: Parse, hostile_text: str
) -> None:
    page = tmp_path / "index.html"
    build_site(searched, page, settings=ReportSettings(example_images=1), seed=1)
    html = page.read_text(encoding="utf-8")
    section = html[html.index('id="leakage"') : html.index('id="licences"')]
    assert section.count('<img src="assets/image.') >= PAIRS
    assert "nothing was left out of any training" in section
    assert hostile_text not in section
    assert parse(page)


def test_nothing_found_is_said_in_plain_words(run_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "sample"
    shutil.copytree(run_folder, copy)
    layout = Layout(copy)
    find_leakage(
        [layout.captions], [], layout.leakage, settings=LeakageSettings(caption_similarity=1.0, caption_words=60), seed=1
    )
    leakage = found(copy)
    assert {overlap.kind for overlap in leakage.overlaps} <= {"group"}
    assert leakage.pairs == []


def test_restricted_items_are_counted_and_never_shown(restricted_run: tuple[Path, str], tmp_path: Path) -> None:
    run, restricted = restricted_run
    searched = search(run, tmp_path, hash_distance=20, pixel_similarity=0.01)
    rows = read_rows(Layout(searched).leakage, LEAKAGE)
    own = [row for row in rows if restricted in (row["item_id"], row["other_id"])]
    leakage = found(searched)
    assert leakage.hidden == sum(row["kind"] != "group" for row in own) > 0
    page = tmp_path / "index.html"
    build_site(searched, page, settings=ReportSettings(example_images=1), seed=1)
    assert restricted not in page.read_text(encoding="utf-8")
