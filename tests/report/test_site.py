"""The page as a whole: complete, safe, without network, the same for the same run, and never half-written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from radtune.artifacts.io import read_rows
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.layout import Layout
from radtune.config.report import ReportSettings
from radtune.errors import ArtifactError, DataError
from radtune.images.store import ImageStore
from radtune.report.site import build_site, format_count, format_duration, format_magnitude, format_percent, format_score

Parse = Callable[[Path], Any]
SETTINGS = ReportSettings(example_images=12)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_results_table_shows_every_system_with_interval_and_the_baseline_last(site: Path, parse: Parse) -> None:
    table = parse(site).table("System", "ROUGE-1")
    assert [row[0].split()[0] for row in table[2:]] == [
        "soft_prompt_smollm2pretrained",
        "paligemma_tinyrandom",
        "smolvlm_tinyrandom",
        "visiongpt2_tinyrandom",
        "random_captiondrawn",
    ]
    assert re.match(r"0\.\d{3} 0\.\d{3} to 0\.\d{3} ▲ \+0\.\d{3}, p < 0\.001$", table[2][1])
    assert "unavailable" in table[2]
    assert "–" in table[-1], "the baseline has no arm with the modality"


def test_sections_come_in_order_and_the_contents_list_them(site: Path, parse: Parse) -> None:
    page = parse(site)
    sections = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    assert sections == [
        "results",
        "comparisons",
        "slices",
        "training",
        "funnel",
        "modality",
        "data",
        "leakage",
        "licences",
        "gallery",
        "audit",
    ]
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert [f"#{name}" for name in sections] == [link for link in links if link[1:] in sections][1 : 1 + len(sections)]
    assert "not a medical device" in page.text
    assert "This run has no" not in page.text


def test_every_link_leads_somewhere_and_nothing_needs_a_network(site: Path, parse: Parse) -> None:
    page = parse(site)
    ids = page.ids()
    assert len(ids) == len(set(ids))
    shown = [link for link in page.values("src") + page.values("href") if link != "data:,"]
    for link in shown:
        if link.startswith("#"):
            assert link[1:] in ids
        elif link.startswith("https://"):
            assert link == "https://example.org/a"
        else:
            assert (site.parent / link).is_file()
    loaded = page.values("src") + [attributes["href"] for tag, attributes in page.tags if tag == "link"]
    assert not [link for link in loaded if ":" in link and link != "data:,"]
    style = next((site.parent / "assets").glob("report.*.css")).read_text()
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_text_stays_text(site: Path, parse: Parse, hostile_text: str) -> None:
    page = parse(site)
    assert hostile_text in page.text, "the fixture's text is shown"
    assert not [tag for tag, _ in page.tags if tag in {"script", "iframe", "object", "form", "base"}]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert not [link for link in page.values("href") if link.startswith("javascript")]
    images = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert all(re.fullmatch(r"assets/[a-z_]+\.[0-9a-f]{16}\.(jpg|svg)", source) for source in images)


def test_tables_and_images_can_be_read_aloud(site: Path, parse: Parse) -> None:
    page = parse(site)
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
    assert all(attributes.get("scope") for tag, attributes in page.tags if tag == "th")
    assert page.source.count("<table") == page.source.count("<caption")


def test_same_run_gives_the_same_bytes_in_another_process(run_folder: Path, site: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "radtune", "report", "build", "--run", str(run_folder)]
    command += ["--output", str(tmp_path / "index.html"), "--settings", SETTINGS.canonical(), "--seed", "1"]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"})
    assert contents(tmp_path) == contents(site.parent)


def test_rebuilding_removes_what_only_the_old_page_showed_and_nothing_else(run_folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    build_site(run_folder, page, settings=SETTINGS, seed=1)
    before = {path.name for path in (tmp_path / "assets").glob("image.*.jpg")}
    (tmp_path / "assets/notes.txt").write_text("mine")
    build_site(run_folder, page, settings=ReportSettings(example_images=2), seed=1)
    shown = set(re.findall(r"image\.[0-9a-f]{16}\.jpg", page.read_text(encoding="utf-8")))
    assert {path.name for path in (tmp_path / "assets").glob("image.*.jpg")} == shown < before
    assert (tmp_path / "assets/notes.txt").read_text() == "mine"
    assert not list(tmp_path.rglob("*.tmp"))


def test_an_unreadable_artifact_is_an_error_and_leaves_the_old_page(run_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "sample"
    shutil.copytree(run_folder, run)
    page = run / "report/index.html"
    build_site(run, page, settings=SETTINGS, seed=1)
    before = contents(page.parent)
    scores = run / "benchmark/system_scores.parquet"
    scores.write_bytes(scores.read_bytes()[:100])
    with pytest.raises(ArtifactError, match=r"system_scores\.parquet: not a readable Parquet file"):
        build_site(run, page, settings=SETTINGS, seed=1)
    assert contents(page.parent) == before


def test_sections_without_artifacts_say_so(run_folder: Path, tmp_path: Path, parse: Parse) -> None:
    shutil.copytree(run_folder / "datasets", tmp_path / "started/datasets")
    page = tmp_path / "index.html"
    build_site(tmp_path / "started", page, settings=SETTINGS, seed=1)
    text = parse(page).text
    benchmark = ("benchmark systems", "benchmark slices", "benchmark compare")
    for step in (*benchmark, "training train", "questions filter", "modality predict"):
        assert f"radtune {step} has not run" in text
    assert "radtune inference predict has not run" in text


def test_a_folder_without_artifacts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no artifact of a run here"):
        build_site(tmp_path, tmp_path / "index.html", settings=SETTINGS, seed=1)


def test_numbers_read_as_in_print() -> None:
    assert format_count(1234567) == "1\u202f234\u202f567"
    assert format_count(None) == format_score(None) == format_score(float("nan")) == format_percent(None) == "–"
    assert format_score(-0.12345, signed=True) == "\u22120.123"
    assert format_score(0.5, signed=True) == "+0.500"
    assert format_percent(0.1234) == "12.3\u202f%"
    assert [format_magnitude(value) for value in (999, 460_800, 1_843_200, 2.2e9)] == [
        "999",
        "461\u202fk",
        "1.84\u202fM",
        "2.2\u202fG",
    ]
    assert [format_duration(value) for value in (59, 61, 7384)] == ["59 s", "1 min 01 s", "2 h 03 min"]


def test_restricted_items_are_not_shown(restricted_run: tuple[Path, str], tmp_path: Path) -> None:
    """Neither text, nor id, nor image; what a reader left out of such a data set is counted and not named."""
    folder, name = restricted_run
    layout = Layout(folder)
    build_site(folder, tmp_path / "index.html", settings=ReportSettings(example_images=100), seed=1)
    shown = contents(tmp_path)
    store = ImageStore(layout.all_images(2))
    others = [row["item_id"] for row in read_rows(layout.captions, CAPTIONS) if row["split"] == "test" and row["item_id"] != name]
    assert {store.bytes(item) for item in others} <= set(shown.values()), "every other test image is in the gallery"
    assert store.bytes(name) not in shown.values()
    assert not any(name.encode() in content for content in shown.values())
    page = shown["index.html"].decode()
    assert "empty caption: 1" in page
    assert not any(row["detail"] in page for row in read_rows(layout.captions_quarantine, QUARANTINE))


def test_tokens_in_addresses_of_downloads_are_not_shown(run_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "sample"
    shutil.copytree(run_folder, copy)
    with Layout(copy).config.open("a", encoding="utf-8") as config:
        config.write("datasets:\n  download: https://me:hidden@example.org/set.zip?token=hidden#sha256=ab\n")
    build_site(copy, tmp_path / "index.html", settings=ReportSettings(example_images=1), seed=1)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "download: https://example.org/set.zip#sha256=ab" in page
    assert "hidden@" not in page
    assert "token" not in page.split("Complete configuration")[1]
