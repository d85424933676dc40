"""Mixes: what enters, what does not and why, and the share of annealing rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radtune.artifacts.io import read_footer, read_rows, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.images import IMAGES
from radtune.artifacts.kinds.leakage import LEAKAGE
from radtune.artifacts.kinds.mix import MIX
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.artifacts.provenance import provenance
from radtune.config.datasets import LeakageSettings
from radtune.config.mixes import MixSettings
from radtune.datasets.leakage_gate import LeakageGate
from radtune.errors import DataError
from radtune.mixes.build import build_mix

BOTH = MixSettings(questions=True)


def write_world(
    folder: Path,
    splits: dict[str, str],
    without_image: tuple[str, ...] = (),
    without_caption: tuple[str, ...] = (),
    dataset: str = "first",
) -> dict[str, Any]:
    """Captions and two shards of images for items (item id to split): the first arguments of :func:`build_mix`."""
    record = provenance("radtune.mixes.build", MixSettings(), 1, inputs={})
    captions = [
        {
            **dict.fromkeys(CAPTIONS.schema.names, ""),
            "item_id": item,
            "dataset": dataset,
            "split": split,
            "caption": "" if item in without_caption else f"CT of {item}.",
            "concepts": [],
            "manual_concepts": [],
            "restricted": False,
        }
        for item, split in splits.items()
    ]
    write(folder / "captions.parquet", CAPTIONS, captions, record)
    usable = [item for item in splits if item not in without_image]
    shards = [folder / f"images-{shard}.parquet" for shard in range(2)]
    for shard, path in enumerate(shards):
        rows = [
            {
                **dict.fromkeys(IMAGES.schema.names, ""),
                "item_id": item,
                "image": {"bytes": b"jpeg", "path": f"{item}.jpg"},
                **dict.fromkeys(("width", "height", "original_width", "original_height", "perceptual_hash", "inner_hash"), 1),
            }
            for item in usable[shard::2]
        ]
        write(path, IMAGES, rows, record)
    return {"captions": [folder / "captions.parquet"], "images": shards, "published": []}


def write_pairs(path: Path, pairs: list[tuple[str, str, str, bool]]) -> Path:
    """Question pairs: id, item, split, accepted."""
    rows = [
        {
            "question_id": question_id,
            "item_id": item,
            "split": split,
            "question": f"Question {question_id}?",
            "answer": f"Answer {question_id}.",
            "origin": "llm",
            "accepted": accepted,
            "reasons": [] if accepted else ["leak"],
        }
        for question_id, item, split, accepted in pairs
    ]
    write(path, QUESTION_PAIRS, rows, provenance("radtune.mixes.build", MixSettings(), 1, inputs={}))
    return path


def build(
    folder: Path, world: dict[str, Any], questions: Path | None, known: Path | None, mix_settings: MixSettings, seed: int = 1
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of the mix and of its quarantine."""
    output, quarantine = folder / "mix.parquet", folder / "quarantine.parquet"
    build_mix(**world, questions=questions, known=known, output=output, quarantine=quarantine, settings=mix_settings, seed=seed)
    return read_rows(output, MIX), read_rows(quarantine, QUARANTINE)


def test_captions_of_training_and_validation_enter_and_the_rest_is_quarantined(tmp_path: Path) -> None:
    world = write_world(tmp_path, {"c": "valid", "a": "train", "b": "test", "d": "train"}, without_image=("d",))
    rows, dropped = build(tmp_path, world, None, None, MixSettings())
    assert rows == [
        {
            "row_id": f"{item}/caption",
            "item_id": item,
            "split": split,
            "task": "caption",
            "prompt": "",
            "target": f"CT of {item}.",
            "origin": "captions",
            "why": "published caption",
        }
        for item, split in (("a", "train"), ("c", "valid"))
    ]
    assert [(row["item_id"], row["reason"], row["step"]) for row in dropped] == [
        ("b", "other_split", "radtune.mixes.build"),
        ("d", "no_image", "radtune.mixes.build"),
    ]
    footer = read_footer(tmp_path / "mix.parquet")
    assert (footer["rows_in"], footer["rows_out"], footer["dropped"]) == (4, 2, {"no_image": 1, "other_split": 1})


def test_known_questions_make_up_the_annealing_share_of_each_split(tmp_path: Path) -> None:
    splits = {f"i{n:03d}": "train" if n < 174 else "valid" for n in range(200)}
    world = write_world(tmp_path, splits)
    questions = write_pairs(tmp_path / "questions.parquet", [(f"{i}/llm/0", i, s, True) for i, s in splits.items()])
    known = write_pairs(tmp_path / "known.parquet", [(f"{i}/known/modality", i, s, True) for i, s in splits.items()])
    rows, dropped = build(tmp_path, world, questions, known, MixSettings(captions=False, questions=True))
    counts = Counter((row["split"], row["origin"]) for row in rows)
    assert counts == {
        ("train", "questions"): 174,
        ("train", "annealing"): 26,  # 26 / 200 = 0.13
        ("valid", "questions"): 26,
        ("valid", "annealing"): 4,
    }
    assert read_footer(tmp_path / "mix.parquet")["notes"]["annealing_share"] == {"train": 0.13, "valid": 4 / 30}
    assert Counter(row["reason"] for row in dropped) == {"not_drawn": 170}
    again, _ = build(tmp_path, world, questions, known, MixSettings(captions=False, questions=True))
    other, _ = build(tmp_path, world, questions, known, MixSettings(captions=False, questions=True), seed=2)
    assert rows == again != other


def test_rejected_pairs_do_not_enter_and_are_named(tmp_path: Path) -> None:
    world = write_world(tmp_path, {"a": "train"})
    questions = write_pairs(tmp_path / "questions.parquet", [("a/llm/0", "a", "train", True), ("a/llm/1", "a", "train", False)])
    rows, dropped = build(tmp_path, world, questions, None, BOTH)
    assert [(row["row_id"], row["prompt"], row["target"], row["origin"]) for row in rows] == [
        ("a/caption", "", "CT of a.", "captions"),
        ("a/llm/0", "Question a/llm/0?", "Answer a/llm/0.", "questions"),
    ]
    assert [(row["reason"], row["detail"]) for row in dropped] == [("rejected_pair", "a/llm/1: rejected by the question filters")]


def test_without_written_questions_all_known_ones_enter(tmp_path: Path) -> None:
    world = write_world(tmp_path, {"a": "train", "b": "train"})
    known = write_pairs(tmp_path / "known.parquet", [(f"{i}/known/modality", i, "train", True) for i in "ab"])
    rows, dropped = build(tmp_path, world, None, known, BOTH)
    assert Counter(row["origin"] for row in rows) == {"captions": 2, "annealing": 2}
    assert dropped == []


def test_a_mix_of_captions_ignores_questions(tmp_path: Path) -> None:
    world = write_world(tmp_path, {"a": "train"})
    questions = write_pairs(tmp_path / "questions.parquet", [("a/llm/0", "a", "train", True)])
    rows, _ = build(tmp_path, world, questions, None, MixSettings())
    assert [row["task"] for row in rows] == ["caption"]
    assert "questions" not in read_footer(tmp_path / "mix.parquet")["inputs"]


def test_questions_about_unknown_items_are_refused(tmp_path: Path) -> None:
    world = write_world(tmp_path, {"a": "train"})
    questions = write_pairs(tmp_path / "questions.parquet", [("z/llm/0", "z", "train", True)])
    with pytest.raises(DataError, match="asks about z"):
        build(tmp_path, world, questions, None, BOTH)


def test_a_mix_without_a_training_row_is_refused(tmp_path: Path) -> None:
    world = write_world(tmp_path, {"a": "train", "b": "valid"}, without_image=("a",))
    with pytest.raises(DataError, match="no training row"):
        build(tmp_path, world, None, None, MixSettings())
    assert not (tmp_path / "mix.parquet").exists()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    items=st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["train", "valid", "test"]), min_size=1),
    accepted=st.sets(st.sampled_from("abcdefgh")),
    share=st.floats(0, 0.9),
)
def test_every_row_enters_once_or_is_dropped_once(
    tmp_path: Path, items: dict[str, str], accepted: set[str], share: float
) -> None:
    world = write_world(tmp_path, {**items, "always": "train"}, without_image=("c",))
    questions = write_pairs(tmp_path / "q.parquet", [(f"{i}/llm/0", i, s, i in accepted) for i, s in items.items()])
    known = write_pairs(tmp_path / "k.parquet", [(f"{i}/known/0", i, s, True) for i, s in items.items()])
    rows, dropped = build(tmp_path, world, questions, known, MixSettings(questions=True, annealing_share=share))
    ids = [row["row_id"] for row in rows]
    assert ids == sorted(ids)
    gone = [row["detail"].split(":")[0] for row in dropped]
    assert sorted(ids + gone) == sorted(
        ["always/caption", *(f"{item}/{kind}" for item in items for kind in ("caption", "llm/0", "known/0"))]
    )


def test_further_sets_are_mixed_whole_or_drawn_at_the_annealing_share(tmp_path: Path) -> None:
    """`slake` brings captions and questions, `medpix` only annealing questions; no test row of either enters."""
    first = write_world(tmp_path / "first", {f"i{n:02d}": "train" for n in range(20)})
    slake = write_world(tmp_path / "slake", {"slake/1": "train", "slake/2": "test"}, dataset="slake")
    medpix = write_world(tmp_path / "medpix", {f"medpix/{n}": "train" for n in range(20)}, dataset="medpix")
    written = write_pairs(tmp_path / "q.parquet", [(f"i{n:02d}/llm/0", f"i{n:02d}", "train", True) for n in range(20)])
    published = [
        write_pairs(
            tmp_path / "slake/questions.parquet",
            [("slake/1/published/0", "slake/1", "train", True), ("slake/2/published/0", "slake/2", "test", True)],
        ),
        write_pairs(
            tmp_path / "medpix/questions.parquet",
            [(f"medpix/{n}/published/0", f"medpix/{n}", "train", True) for n in range(20)],
        ),
    ]
    world = {
        "captions": first["captions"] + slake["captions"] + medpix["captions"],
        "images": first["images"] + slake["images"] + medpix["images"],
        "published": published,
    }
    chosen = MixSettings(questions=True, further=("slake",), annealing=("medpix",), annealing_share=0.3)
    assert chosen.sets == ["medpix", "slake"]
    rows, dropped = build(tmp_path, world, written, None, chosen)
    assert Counter((row["origin"], row["row_id"].split("/")[0][:6]) for row in rows if row["task"] == "question") == {
        **{("questions", f"i{n:02d}"): 1 for n in range(20)},
        ("questions", "slake"): 1,
        ("annealing", "medpix"): 9,  # 9 / (21 + 9) = 0.3
    }
    captions = {row["item_id"] for row in rows if row["task"] == "caption"}
    assert captions == {f"i{n:02d}" for n in range(20)} | {"slake/1"}
    assert Counter(row["reason"] for row in dropped) == {"not_drawn": 11, "other_split": 2}
    assert {row["why"] for row in rows if row["origin"] == "annealing"} == {"published question of medpix, drawn"}
    again, _ = build(tmp_path, {**world, "published": published[::-1]}, written, None, chosen)
    assert again == rows


def test_an_image_without_a_caption_gives_no_caption_row(tmp_path: Path) -> None:
    world = write_world(tmp_path, {"a": "train", "b": "train"}, without_caption=("b",))
    rows, dropped = build(tmp_path, world, None, None, MixSettings())
    assert [row["row_id"] for row in rows] == ["a/caption"]
    assert dropped == []


def write_leakage(path: Path, pairs: list[tuple[str, str]]) -> LeakageGate:
    """Near-duplicate images (item, test item), and a gate that leaves them out."""
    rows = [
        {
            **dict.fromkeys(LEAKAGE.schema.names, ""),
            **{"kind": "image", "item_id": item, "other_id": other, "other_split": "test", "distance": 2, "similarity": 0.98},
        }
        for item, other in pairs
    ]
    write(path, LEAKAGE, rows, provenance("radtune.datasets.leakage", LeakageSettings(), 1, inputs={}))
    return LeakageGate(path, LeakageSettings(gate="drop"))


def test_every_row_of_an_item_that_gives_a_test_item_away_is_left_out(tmp_path: Path) -> None:
    world = write_world(tmp_path, {"a": "train", "b": "train", "v": "valid", "t": "test"})
    pairs = write_pairs(tmp_path / "questions.parquet", [("q1", "a", "train", True), ("q2", "b", "train", True)])
    gate = write_leakage(tmp_path / "leakage.parquet", [("a", "t"), ("v", "t")])
    rows, dropped = build(tmp_path, {**world, "gate": gate}, pairs, None, BOTH)
    assert [row["row_id"] for row in rows] == ["b/caption", "q2"]
    assert {row["detail"] for row in dropped if row["reason"] == "leaked"} == {
        f"{row}: gives away the test item t: near-duplicate image, 2 bits apart, similarity 0.980"
        for row in ("a/caption", "q1", "v/caption")
    }
    footer = read_footer(tmp_path / "mix.parquet")
    assert footer["inputs"]["leakage"]["kind"] == "leakage"
    assert footer["notes"]["leakage_gate"] == "drop"
    assert footer["rows_in"] == footer["rows_out"] + sum(footer["dropped"].values())


def test_a_gate_may_stop_the_mix_and_leaves_no_file(tmp_path: Path) -> None:
    world = write_world(tmp_path, {"a": "train", "b": "train", "t": "test"})
    drop = write_leakage(tmp_path / "leakage.parquet", [("a", "t")])
    stop = LeakageGate(drop.leakage, LeakageSettings(gate="stop"))
    with pytest.raises(DataError, match=r"leakage\.parquet: training would see .*: 1 "):
        build(tmp_path, {**world, "gate": stop}, None, None, MixSettings())
    assert not (tmp_path / "mix.parquet").exists()
