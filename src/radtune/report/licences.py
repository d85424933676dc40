"""Under which licences the images stand that a run learned from, and what whoever publishes an adapter must heed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import yaml

from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.mix import MIX
from radtune.licences import CONDITIONS, LICENCES, inherited, licence_id
from radtune.report.read_run import Run


@dataclass(frozen=True)
class LicenceRow:
    """One licence of one data set."""

    dataset: str
    licence: str
    images: dict[str, int]
    """By split."""
    conditions: list[str]
    restricted: int
    """Restricted items among the images."""


@dataclass(frozen=True)
class Inheritance:
    """What an adapter inherits."""

    systems: list[str]
    mix: str
    images: dict[str, int]
    """Distinct images learned from (training and validation rows), by licence, most first."""
    weights: str
    """Licence of the weights it starts from."""
    conditions: list[tuple[str, str]]
    """What to heed and what it means, the gravest first."""


def read_licences(run: Run) -> list[LicenceRow]:
    """Images by data set, licence and split; the first data set first, then by number of images."""
    rows = []
    for path in run.caption_tables:
        found: dict[tuple[str, str], Counter[str]] = {}
        restricted: Counter[tuple[str, str]] = Counter()
        for item in run.rows(path, CAPTIONS, ["dataset", "split", "licence", "restricted"]):
            key = item["dataset"], licence_id(item["licence"] or "")
            found.setdefault(key, Counter())[item["split"]] += 1
            restricted[key] += item["restricted"]
        for key, images in sorted(found.items(), key=lambda pair: (-pair[1].total(), pair[0])):
            dataset, licence = key
            conditions = [CONDITIONS[condition] for condition in inherited([licence])]
            rows.append(LicenceRow(dataset, LICENCES[licence].name, dict(images), conditions, restricted[key]))
    return rows


def read_inheritances(run: Run) -> list[Inheritance]:
    """What each trained system's adapter inherits; systems alike in mix and weights share an entry."""
    licences = {
        item["item_id"]: licence_id(item["licence"] or "")
        for path in run.caption_tables
        for item in run.rows(path, CAPTIONS, ["item_id", "licence"])
    }
    learned = {
        mix: Counter(licences[item] for item in {row["item_id"] for row in run.rows(run.layout.mix(mix), MIX, ["item_id"])})
        for mix in run.mixes
    }
    alike: dict[tuple[str, str], list[str]] = {}
    for system in run.trained:
        alike.setdefault((_mix_of(run, system), _weights_of(run, system)), []).append(system)
    return [
        Inheritance(
            systems,
            mix,
            {LICENCES[name].name: count for name, count in learned.get(mix, Counter()).most_common()},
            weights,
            [
                (condition, CONDITIONS[condition])
                for condition in inherited([*learned.get(mix, ()), *([] if weights == NO_WEIGHTS else [licence_id(weights)])])
            ],
        )
        for (mix, weights), systems in sorted(alike.items())
    ]


NO_WEIGHTS = "none: it starts from random weights"


def _mix_of(run: Run, system: str) -> str:
    log = run.artifact(run.layout.training_log(system))
    mix: str = log.settings.get("training", {}).get("mix", "") if log else ""
    return mix


def _weights_of(run: Run, system: str) -> str:
    if not run.is_pretrained(system):
        return NO_WEIGHTS
    config: Any = yaml.safe_load(run.layout.config.read_text(encoding="utf-8")) if run.layout.config.is_file() else {}
    licence: str = (((config or {}).get("models") or {}).get(system) or {}).get("licence") or ""
    return licence
