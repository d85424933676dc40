"""What the report says of the data: images by split and modality, where they come from, and under which licence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.kinds.sample_sources import SAMPLE_SOURCES
from radtune.report.read_run import Run

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Source:
    """Images that share data set, licence and attribution."""

    dataset: str
    licence: str
    attribution: str
    link: str
    """Empty where the images of the source have several links."""
    images: int


@dataclass(frozen=True)
class BurnedInText:
    """Images by the text that stands in them; never the text itself."""

    images: int
    with_text: int
    flagged: int
    """With so much text that a name or a date may be among it."""


@dataclass(frozen=True)
class DataOverview:
    """The data of a run."""

    datasets: list[str]
    splits: list[str]
    images: dict[str, int]
    """By split."""
    groups: dict[str, int]
    """Articles, cases or studies, by split."""
    modalities: dict[str, dict[str, int]]
    """Images by modality and split; empty before images are labelled."""
    clashes: int
    """Images whose CUIs name more than one modality."""
    sources: list[Source]
    """Most images first."""
    packages: dict[str, int]
    """Images of the embedded sample by the package they come from."""
    burned_in_text: BurnedInText | None
    """What the search for text in the pictures found; None where it was not made."""


MAXIMUM_SOURCES = 50
"""Sources listed by themselves; the rest (ROCOv2 attributes every article) are summed up by licence."""


def read_data_overview(run: Run) -> DataOverview | None:
    """Count the data; None where the run has no captions yet."""
    columns = ["item_id", "dataset", "split", "group_id", "licence", "attribution", "link", "restricted"]
    table = run.table(run.layout.captions, CAPTIONS, columns)
    if table is None:
        return None
    rows = table.to_pylist()
    images = Counter(row["split"] for row in rows)
    splits = sorted(images, key=lambda split: (SPLITS.index(split) if split in SPLITS else len(SPLITS), split))
    modalities: dict[str, dict[str, int]] = {}
    labels = run.rows(run.layout.modality_labels, MODALITY_LABELS, ["split", "label", "clash"])
    for (label, split), count in sorted(Counter((row["label"], row["split"]) for row in labels).items()):
        modalities.setdefault(label, {})[split] = count
    packages = Counter(row["package"] for row in run.rows(run.layout.sample_sources, SAMPLE_SOURCES, ["package"]))
    return DataOverview(
        datasets=sorted({row["dataset"] for row in rows}),
        splits=splits,
        images={split: images[split] for split in splits},
        groups={split: len({row["group_id"] for row in rows if row["split"] == split}) for split in splits},
        modalities=modalities,
        clashes=sum(row["clash"] for row in labels),
        sources=_sources(rows),
        packages=dict(sorted(packages.items())),
        burned_in_text=_burned_in_text(run),
    )


def _burned_in_text(run: Run) -> BurnedInText | None:
    shards = [found for path in run.layout.all_burned_in_text(len(run.image_shards)) if (found := run.artifact(path))]
    if not shards:
        return None
    footers = [shard.footer for shard in shards]
    return BurnedInText(
        sum(footer["rows_out"] for footer in footers),
        sum(footer["notes"]["with_text"] for footer in footers),
        sum(footer["notes"]["flagged"] for footer in footers),
    )


_NOT_SHOWN = {"attribution": "restricted: see the captions artifact", "link": ""}


def _sources(rows: list[dict[str, Any]]) -> list[Source]:
    rows = [row | _NOT_SHOWN if row["restricted"] else row for row in rows]
    counts = Counter((row["dataset"], row["licence"], row["attribution"]) for row in rows)
    if len(counts) > MAXIMUM_SOURCES:
        counts = Counter((row["dataset"], row["licence"], "see the captions artifact, one row an image") for row in rows)
    links: dict[tuple[str, str, str], set[str]] = {}
    for row in rows:
        links.setdefault((row["dataset"], row["licence"], row["attribution"]), set()).add(row["link"])
    found = []
    for key, images in counts.items():
        own = links.get(key, set())
        link = next(iter(own)) if len(own) == 1 else ""
        # A data set is not trusted: a link that is not plain http(s) is not made clickable.
        found.append(Source(*key, link=(link or "") if (link or "").startswith(("https://", "http://")) else "", images=images))
    return sorted(found, key=lambda source: (-source.images, source.dataset, source.licence or "", source.attribution or ""))
