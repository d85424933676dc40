"""The gallery shows the right texts on a fair choice of images."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from radtune.artifacts.layout import BASELINE
from radtune.report.gallery import Piece, choose_items, read_gallery, split_components
from radtune.report.read_run import read_run

ITEMS = st.dictionaries(st.text("abcdef", min_size=1), st.sampled_from(["CT", "MRI", "Other", ""]))


@settings(max_examples=60, deadline=None)
@given(ITEMS, st.integers(0, 30), st.integers(0, 5))
def test_choice_is_even_over_modalities_and_depends_on_nothing_but_the_seed(
    modality_of: dict[str, str], count: int, seed: int
) -> None:
    chosen = choose_items(modality_of, count, seed)
    assert len(chosen) == len(set(chosen)) == min(count, len(modality_of))
    shown, there = Counter(modality_of[item] for item in chosen), Counter(modality_of.values())
    for modality, available in there.items():
        assert shown[modality] == available or shown[modality] >= max(shown.values(), default=0) - 1
    assert choose_items(dict(reversed(modality_of.items())), count, seed) == chosen
    assert choose_items(modality_of, count + 3, seed)[: len(chosen)] == chosen


def test_each_example_has_the_reference_every_caption_and_its_own_score(run_folder: Path) -> None:
    run = read_run(run_folder)
    examples = read_gallery(run, 10, seed=1)
    assert Counter(example.label for example in examples) == dict.fromkeys(("CT", "MRI", "Other", "Radiograph", "Ultrasound"), 2)
    for example in examples:
        assert [(caption.system, caption.arm) for caption in example.captions] == [
            *((system, arm) for system in run.systems if system != BASELINE for arm in ("plain", "modality")),
            (BASELINE, "plain"),
        ]
        assert example.captions[-1].text.endswith("draw 0."), "the first of the baseline's draws"
        assert all(caption.score is not None and 0 <= caption.score <= 1 for caption in example.captions)
        assert example.predicted
        assert example.probability == 0.8


def test_a_question_is_shown_once_without_the_modality_of_the_prompt(run_folder: Path) -> None:
    for example in read_gallery(read_run(run_folder), 5, seed=1):
        (asked,) = example.questions
        assert (asked.question, asked.reference) == ("What plane?", "axial")
        assert [(answer.system, answer.arm) for answer in asked.answers] == [
            ("paligemma_tiny", "plain"),
            ("paligemma_tiny", "modality"),
        ]
        assert {answer.score for answer in asked.answers} <= {0.0, 1.0}


def test_components_of_a_caption_are_pieces_and_say_whether_the_reference_names_them() -> None:
    text = "<b> CT of the left kidney"
    pieces = split_components(text, "Computed tomography: right kidney")
    assert pieces == [
        Piece("<b> "),
        Piece("CT", "modality", shared=True),
        Piece(" of the "),
        Piece("left", "laterality", shared=False),
        Piece(" "),
        Piece("kidney", "location", shared=True),
    ]
    assert split_components("", "CT") == []


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_the_pieces_of_any_caption_join_to_it_again(text: str, reference: str) -> None:
    assert "".join(piece.text for piece in split_components(text, reference)) == text


def test_the_page_marks_components_by_kind_and_says_so_in_words(site: Path, parse: Any) -> None:
    page = parse(site)
    marks = {(tag["class"], tag.get("title", "")) for name, tag in page.tags if name == "mark"}
    assert ("modality shared", "modality, as in the reference") in marks
    assert all(title.startswith(kinds.split()[0]) for kinds, title in marks if title)
    style = next((site.parent / "assets").glob("report.*.css")).read_text()
    kinds = ("modality", "laterality", "marker", "measurement")
    lines = [style.split(f"mark.{kind} {{")[1].split("text-decoration-style: ")[1].split(";")[0] for kind in kinds]
    assert len({"solid", *lines}) == 5, "kinds differ in the line, not by colour alone"
