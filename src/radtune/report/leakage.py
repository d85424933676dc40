"""What the report says of leakage: overlap by kind and parts, the pairs that are most alike, and what the gate did."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.leakage import LEAKAGE
from radtune.report.read_run import Run

PAIRS = 6
"""Pairs shown with their pictures, of each kind."""
GROUPS = 20
"""Shared groups listed."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Overlap:
    """What two parts of the data share in one way."""

    kind: str
    part: str
    """Data set and split of the items that may be learned from."""
    other: str
    """Data set and split of those that they give away."""
    items: int
    """Items of ``part`` with a counterpart."""
    others: int
    """Items of ``other`` with a counterpart."""
    in_test: bool
    """Whether ``other`` is the test split of this run."""


@dataclass(frozen=True)
class Side:
    """One item of a pair."""

    item_id: str
    part: str
    caption: str


@dataclass(frozen=True)
class Pair:
    """Two items that are alike."""

    kind: str
    sides: tuple[Side, Side]
    distance: int | None
    similarity: float


@dataclass(frozen=True)
class SharedGroup:
    """An article, case or study in several parts."""

    group: str
    items: dict[str, int]
    """Items by data set and split."""


@dataclass(frozen=True)
class Leakage:
    """Overlap in a run."""

    overlaps: list[Overlap]
    pairs: list[Pair]
    """The most alike of near-duplicate images, then of captions; towards the test split first. Never with a restricted item."""
    hidden: int
    """Pairs of images and captions that are not shown since an item is restricted."""
    groups: list[SharedGroup]
    all_groups: int
    elsewhere: list[Row]
    """Pairs by ``dataset`` and ``kind`` of training items with the published test items of further sets."""
    items: int
    images: int
    captions: int
    """Items, those of them with an image, and those with a caption long enough to be compared."""
    settings: Row
    gate: str
    left_out: dict[str, int]
    """What the gate left out: rows of each mix, images of the classifier's training."""


def read_leakage(run: Run) -> Leakage | None:
    """What the search found; None where it has not run."""
    artifact = run.artifact(run.layout.leakage)
    if artifact is None:
        return None
    rows = run.rows(run.layout.leakage, LEAKAGE)
    shown = [row for row in rows if not {row["item_id"], row["other_id"]} & run.restricted]
    notes = artifact.footer["notes"]
    groups = _groups([row for row in shown if row["kind"] == "group"])
    gate, left_out = _gate(run)
    return Leakage(
        _overlaps(rows),
        _pairs(run, shown),
        sum(row["kind"] != "group" for row in rows) - sum(row["kind"] != "group" for row in shown),
        groups[:GROUPS],
        len(groups),
        notes["first_training_in_further_test"],
        notes["items"],
        notes["items_with_image"],
        notes["captions_compared"],
        artifact.settings,
        gate,
        left_out,
    )


def _part(row: Row, side: str = "") -> str:
    return f"{row[f'{side}dataset']} {row[f'{side}split']}"


def _overlaps(rows: list[Row]) -> list[Overlap]:
    by_parts: dict[tuple[str, bool, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_parts[row["kind"], row["other_split"] != "test", _part(row, "other_"), _part(row)].append(row)
    return [
        Overlap(
            kind,
            part,
            other,
            len({row["item_id"] for row in found}),
            len({row["other_id"] for row in found}),
            in_test=not elsewhere,
        )
        for (kind, elsewhere, other, part), found in sorted(by_parts.items(), key=lambda pair: (_place(pair[0][0]), pair[0][1:]))
    ]


def _place(kind: str) -> int:
    return ("image", "group", "caption").index(kind)


def _pairs(run: Run, rows: list[Row]) -> list[Pair]:
    chosen = _worst(rows, "image") + _worst(rows, "caption")
    wanted = {row[side] for row in chosen for side in ("item_id", "other_id")}
    captions = {
        row["item_id"]: row["caption"]
        for path in run.caption_tables
        for row in run.rows(path, CAPTIONS, ["item_id", "caption"])
        if row["item_id"] in wanted
    }
    return [
        Pair(
            row["kind"],
            (
                Side(row["item_id"], _part(row), captions.get(row["item_id"], "")),
                Side(row["other_id"], _part(row, "other_"), captions.get(row["other_id"], "")),
            ),
            row["distance"],
            row["similarity"],
        )
        for row in chosen
    ]


def _worst(rows: list[Row], kind: str) -> list[Row]:
    """The most alike pairs of one kind, those with a test item first."""

    def order(row: Row) -> tuple[Any, ...]:
        distance = row["distance"] or 0  # captions have none
        return row["other_split"] != "test", -row["similarity"], distance, row["item_id"], row["other_id"]

    return sorted((row for row in rows if row["kind"] == kind), key=order)[:PAIRS]


def _groups(rows: list[Row]) -> list[SharedGroup]:
    """Shared groups, the largest first."""
    members: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        members[row["group"]][_part(row)].add(row["item_id"])
        members[row["group"]][_part(row, "other_")].add(row["other_id"])
    groups = [SharedGroup(group, {part: len(parts[part]) for part in sorted(parts)}) for group, parts in members.items()]
    return sorted(groups, key=lambda group: (-sum(group.items.values()), group.group))


def _gate(run: Run) -> tuple[str, dict[str, int]]:
    """The gate that the run's trainings passed, and what it left out of each; `warn` where none was shut."""
    gate, left_out = "warn", {}
    for name in run.mixes:
        if (mix := run.artifact(run.layout.mix(name))) and "leakage" in mix.footer["inputs"]:
            gate = mix.footer["notes"]["leakage_gate"]
            left_out[f"rows of the mix {name}"] = mix.footer["dropped"].get("leaked", 0)
    log = run.artifact(run.layout.modality_training_log)
    if log and "leakage" in log.footer["inputs"]:
        gate = log.footer["notes"]["leakage_gate"]
        left_out["images of the modality classifier"] = log.footer["notes"]["leaked_images"]
    return gate, left_out
