"""The funnel: for every step of the run the rows that went in, came out and were dropped, and why."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.report.read_run import Artifact, Run

EXAMPLES = 3
"""Examples shown for each reason."""


@dataclass(frozen=True)
class Stage:
    """One step of the run, all its shards together."""

    title: str
    rows_in: int | None
    """None where the step read no rows of its own, such as an archive."""
    rows_out: int
    dropped: dict[str, int] = field(default_factory=dict)
    """Rows by reason."""
    examples: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """Quarantined items by reason: ``item_id`` and ``detail``."""
    note: str = ""
    """What the counts do not say."""
    anchors: list[str] = field(default_factory=list)
    """Names of the artifacts it sums up."""

    @property
    def rows_dropped(self) -> int:
        """Rows dropped for any reason."""
        return sum(self.dropped.values())

    @property
    def unaccounted(self) -> int:
        """Rows in that are neither out nor dropped: 0 in a sound run (one row in may give several out)."""
        return 0 if self.rows_in is None else max(0, self.rows_in - self.rows_out - self.rows_dropped)

    @property
    def kept_share(self) -> float | None:
        """Share of the rows in that were not dropped, 0 to 1; None where no rows went in."""
        if not self.rows_in:
            return None
        return max(0.0, min(1.0, (self.rows_in - self.rows_dropped - self.unaccounted) / self.rows_in))


def read_funnel(run: Run) -> list[Stage]:
    """Every step of the run in the order of the flow; steps that have not run are left out."""
    layout = run.layout
    quarantined_images = [path.with_name(path.name.replace("images-", "quarantine-", 1)) for path in run.image_shards]
    plan: list[tuple[str, Iterable[Path], Iterable[Path]]] = [
        ("Make the sample data set", [layout.sample_sources], [layout.sample_quarantine]),
        ("Read image–caption pairs", [layout.captions], [layout.captions_quarantine]),
        ("Read the concept table", [layout.concepts], []),
        ("Read the published questions", [layout.published_questions], []),
        *(
            (f"{what} of the further data set {name}", [made], rejected)
            for name in run.further
            for what, made, rejected in (
                ("Read the items", layout.further(name).captions, [layout.further(name).captions_quarantine]),
                ("Read the published questions", layout.further(name).published_questions, []),
            )
        ),
        ("Standardise images", run.image_shards, quarantined_images),
        ("Label modalities", [layout.modality_labels], []),
        ("Train the modality classifier (log rows)", [layout.modality_training_log], []),
        ("Predict modalities", [layout.modality_predictions], []),
        ("Ask the question writer", [layout.llm_replies], []),
        ("Parse and filter questions", [layout.question_pairs], []),
        ("Questions with known answers", [layout.known_pairs], []),
        *((f"Build the mix {name}", [layout.mix(name)], [layout.mix_quarantine(name)]) for name in run.mixes),
        *((f"Train {system} (log rows)", [layout.training_log(system)], []) for system in run.trained),
        *(
            (f"Predict: {system}, {arm}", [layout.predictions(system, arm)], [])
            for system in run.systems
            for arm in run.arms(system)
        ),
        *((f"Score {system}", [layout.scores(system)], []) for system in run.systems),
        ("Tabulate systems", [layout.system_scores], []),
        ("Tabulate parts of the test set", [layout.slice_scores], []),
        ("Compare variants of metrics", [layout.variant_agreement], []),
        ("Compare the components of captions", [layout.caption_components], []),
        ("Compare systems", [layout.comparisons], []),
    ]
    stages = []
    for title, paths, rejected in plan:
        made = [artifact for path in paths if (artifact := run.artifact(path))]
        quarantines = [artifact for path in rejected if (artifact := run.artifact(path))]
        if made:
            stages.append(_stage(run, title, made, quarantines))
    return stages


def _stage(run: Run, title: str, made: list[Artifact], quarantines: list[Artifact]) -> Stage:
    rejected = [row for artifact in quarantines for row in run.rows(artifact.path, QUARANTINE)]
    counted = [artifact.footer["rows_in"] for artifact in made if artifact.footer["rows_in"] is not None]
    dropped: Counter[str] = Counter()
    for artifact in made:
        dropped.update(artifact.footer["dropped"])
    if not dropped:  # a step may record its reasons in the quarantine alone; each item counts once, under its first reason
        first = {row["item_id"]: row["reason"] for row in reversed(rejected)}
        dropped.update(first.values())
    examples: dict[str, list[dict[str, str]]] = {}
    for row in () if _of_a_restricted_set(run, quarantines) else rejected:
        # The detail of a leaked row names a test item too.
        if row["item_id"] in run.restricted or (row["reason"] == "leaked" and run.restricted):
            continue
        shown = examples.setdefault(row["reason"], [])
        if len(shown) < EXAMPLES:
            shown.append({"item_id": row["item_id"], "detail": row["detail"]})
    return Stage(
        title,
        rows_in=sum(counted) if counted else None,
        rows_out=sum(artifact.footer["rows_out"] for artifact in made),
        dropped=dict(sorted(dropped.items(), key=lambda pair: (-pair[1], pair[0]))),
        examples=dict(sorted(examples.items())),
        note=_note(run, made),
        anchors=[artifact.name for artifact in (*made, *quarantines)],
    )


def _of_a_restricted_set(run: Run, quarantines: list[Artifact]) -> bool:
    """Whether these are items that a reader left out of a data set that is restricted, in whole or in part."""
    tables = [path for path in run.caption_tables if any(path.parent == artifact.path.parent for artifact in quarantines)]
    return any(run.restricted_items(path) for path in tables)


def _note(run: Run, made: list[Artifact]) -> str:
    """Question pairs stay in their artifact whatever the filters say, so that every verdict can be read."""
    if made[0].path != run.layout.question_pairs:
        return ""
    accepted = sum(row["accepted"] for row in run.rows(made[0].path, QUESTION_PAIRS, ["accepted"]))
    return f"{accepted} accepted, {made[0].footer['rows_out'] - accepted} rejected, see below"


@dataclass(frozen=True)
class Verdict:
    """What the question filter did with the pairs of one kind."""

    reason: str
    """Empty for accepted pairs."""
    pairs: int
    share: float
    """Of all pairs, 0 to 1. A pair may be rejected for several reasons, so that shares may add up to more than 1."""
    examples: list[dict[str, Any]]
    """Rows of ``question_pairs``."""


def read_question_yield(run: Run, seed: int) -> list[Verdict]:
    """Accepted pairs first, then each reason of rejection, most frequent first, with seeded examples."""
    pairs = run.rows(run.layout.question_pairs, QUESTION_PAIRS)
    groups: dict[str, list[dict[str, Any]]] = {}
    for pair in pairs:
        for reason in [""] if pair["accepted"] else pair["reasons"] or ["no reason was recorded"]:
            groups.setdefault(reason, []).append(pair)
    verdicts = []
    for reason, members in groups.items():
        shown = [pair for pair in members if pair["item_id"] not in run.restricted]
        drawn = random.Random(f"{seed} {reason}").sample(shown, min(EXAMPLES, len(shown)))
        verdicts.append(Verdict(reason, len(members), len(members) / len(pairs), drawn))
    return sorted(verdicts, key=lambda verdict: (verdict.reason != "", -verdict.pairs, verdict.reason))
