"""The benchmark table by modality, caption length, body region and semantic group: where a system is good and where it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from radtune.artifacts.io import read, read_rows, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.kinds.scores import SCORES
from radtune.artifacts.kinds.slice_scores import SLICE_SCORES
from radtune.artifacts.provenance import provenance
from radtune.benchmark.row_scores import CELL, metric_names, read_row_scores, summarise
from radtune.config.metrics import BenchmarkSettings
from radtune.errors import DataError
from radtune.metrics.semantic_groups import SEMANTIC_GROUPS
from radtune.questions.known import REGIONS
from radtune.statistics.slices import part_names, part_of, terciles

Slicing = Mapping[str, frozenset[str]]
"""Items of each slice, the slices in the order of a table. Slices may overlap; together they hold every item."""

NO_REGION = "no region named"
NO_GROUP = "no type known"


def tabulate_slices(
    scores: list[Path], captions: Path, concepts: Path, labels: Path, output: Path, *, settings: BenchmarkSettings, seed: int
) -> None:
    """Write mean and interval of every system, arm, task, metric and slice, from the stored scores alone.

    Raises :class:`DataError` if a scored item has no caption or no label.
    """
    items = {item for path in scores for item in read(path, SCORES, ["item_id"]).column("item_id").unique().to_pylist()}
    slicings = slice_items(items, captions, concepts, labels, settings)
    rows = [
        {**dict(zip(CELL, cell, strict=True)), "slicing": slicing, "slice": name, "place": place}
        | summarise(part, settings, seed)
        for path in scores
        for metric in metric_names([path])
        for cell, table in read_row_scores([path], [metric]).groupby(CELL, sort=True)
        for slicing, slices in slicings.items()
        for place, (name, members) in enumerate(slices.items())
        if len(part := table[table["item_id"].isin(members)])
    ]
    rows.sort(key=lambda row: [row[column] for column in (*CELL, "slicing", "place")])
    inputs: dict[str, Path | list[Path]] = {"scores": scores, "captions": captions, "concepts": concepts, "labels": labels}
    write(output, SLICE_SCORES, rows, provenance(__name__, settings, seed, inputs))


def slice_items(items: set[str], captions: Path, concepts: Path, labels: Path, settings: BenchmarkSettings) -> dict[str, Slicing]:
    """Every division of ``items`` that the data know enough for. Raises :class:`DataError` if an item has no caption or label."""
    rows = {row["item_id"]: row for row in read_rows(captions, CAPTIONS, ["item_id", "caption", "concepts", "manual_concepts"])}
    label_of = {row["item_id"]: row["label"] for row in read_rows(labels, MODALITY_LABELS, ["item_id", "label"])}
    for path, known in ((captions, rows.keys()), (labels, label_of.keys())):
        if missing := items - known:
            raise DataError(f"{path}: lacks {len(missing)} scored item(s), such as {min(missing)}", "score these captions again")
    table = {row["cui"]: row for row in read_rows(concepts, CONCEPTS)}
    region_names = {cui: table[cui]["name"] for cui in sorted(REGIONS) if cui in table}
    groups_of = {
        cui: {name for name, types in SEMANTIC_GROUPS.items() if types.intersection(row["type_ids"])}
        for cui, row in table.items()
    }

    def regions(item: str) -> Iterable[str]:
        return [region_names[cui] for cui in rows[item]["manual_concepts"] if cui in region_names] or [NO_REGION]

    def groups(item: str) -> Iterable[str]:
        return {name for cui in rows[item]["concepts"] for name in groups_of.get(cui, ())} or {NO_GROUP}

    slicings = {
        "modality": _slices(items, lambda item: [label_of[item]], sorted(set(label_of.values()))),
        "caption length": _by_length({item: len(rows[item]["caption"].split()) for item in items}, settings),
        "body region": _slices(items, regions, [*sorted(region_names.values()), NO_REGION]),
        "semantic group": _slices(items, groups, [*SEMANTIC_GROUPS, NO_GROUP]),
    }
    # a data set without manual concepts, or whose concept table has no types, says nothing of the last two
    return {name: slices for name, slices in slicings.items() if set(slices) - {NO_REGION, NO_GROUP}}


def _by_length(words: Mapping[str, int], settings: BenchmarkSettings) -> Slicing:
    bounds = settings.caption_lengths or terciles(list(words.values()))
    names = part_names(bounds, "words")
    return _slices(words, lambda item: [names[part_of(words[item], bounds)]], names)


def _slices(items: Iterable[str], slices_of: Callable[[str], Iterable[str]], order: list[str]) -> Slicing:
    """The slices that have an item, in the given order."""
    members: dict[str, set[str]] = {name: set() for name in order}
    for item in items:
        for name in slices_of(item):
            members[name].add(item)
    return {name: frozenset(own) for name, own in members.items() if own}
