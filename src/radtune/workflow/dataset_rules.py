"""What the rules that read data sets, and those that heed their overlap, need beyond wiring."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snakemake.io import directory

from radtune.artifacts.code_digest import code_digest
from radtune.artifacts.layout import FurtherLayout, Layout
from radtune.config.datasets import LeakageSettings, SourceSettings
from radtune.datasets.source import load_format
from radtune.datasets.status import tables_of
from radtune.workflow.rules import repeated


@dataclass(frozen=True)
class ReadRule:
    """Files and parameters of the rule that reads one data set."""

    inputs: list[Path]
    outputs: dict[str, Any]
    params: dict[str, str]


def read_rule(source: SourceSettings, paths: Layout | FurtherLayout, made_by: Path | None) -> ReadRule:
    """The rule that reads ``source`` into ``paths``.

    It depends on ``made_by`` where something makes the folder (the sample, the receipt of a fetch). Of a folder that is there
    only the tables are watched: every image's checksum is taken when they are read.
    """
    outputs: dict[str, Any] = {
        "captions": paths.captions,
        "concepts": paths.concepts,
        "questions": paths.published_questions,
        "quarantine": paths.captions_quarantine,
    }
    if load_format(source.format).unpacks:
        outputs["unpacked"] = directory(paths.unpacked)
    return ReadRule(
        inputs=[made_by] if made_by else list(tables_of(source)),
        outputs=outputs,
        params={
            "code": code_digest("radtune.datasets.read", f"radtune.datasets.formats.{source.format}"),
            "settings": source.reading_canonical(),
            "unpacked": str(paths.unpacked),
        },
    )


def gate_options(settings: LeakageSettings, leakage: Iterable[Path]) -> list[str]:
    """Options of a step that heeds the gate; none where ``leakage`` is empty because the gate only warns."""
    options = repeated("--leakage", leakage)
    return [*options, f"--leakage-settings={settings.canonical()}"] if options else []
