"""The audit trail: how every artifact of the run was made, and from which others."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import PurePosixPath

from radtune.report.read_run import Artifact, Run


@dataclass(frozen=True)
class Input:
    """One file a step read."""

    role: str
    """The name the step gives it."""
    path: str
    digest: str
    artifact: str
    """Name of the run's artifact it is, to link to; empty for a file outside the run."""
    stale: bool
    """Whether that artifact now has another digest than the one that was read."""


@dataclass(frozen=True)
class Record:
    """One artifact."""

    name: str
    kind: str
    step: str
    rows_out: int
    rows_in: int | None
    dropped: int
    content: str
    """Content digest."""
    code: str
    environment: str
    seed: int
    created: str
    settings: str
    """Indented JSON."""
    notes: str
    """Indented JSON; empty where there are none."""
    products: dict[str, str]
    inputs: list[Input]


def anchor(name: str) -> str:
    """The HTML id of an artifact's record: safe whatever the file is called."""
    return "artifact-" + hashlib.sha256(name.encode()).hexdigest()[:12]


def read_audit_trail(run: Run) -> list[Record]:
    """One record an artifact, in the order of the flow."""
    by_digest: dict[tuple[str, str], list[Artifact]] = {}
    for artifact in run.artifacts.values():
        by_digest.setdefault((artifact.footer["kind"], artifact.footer["content_digest"]), []).append(artifact)

    def linked(role: str, path: str, digest: str, kind: str | None) -> Input:
        # By place first: empty quarantines share a digest. By digest after: the run's folder may have been moved.
        parts = PurePosixPath(path).parts
        for start in range(len(parts)):
            found = run.artifacts.get("/".join(parts[start:]))
            if kind is not None and found is not None and found.footer["kind"] == kind:
                return Input(role, path, digest, found.name, stale=found.footer["content_digest"] != digest)
        same = by_digest.get((kind or "", digest), [])
        return Input(role, path, digest, same[0].name if len(same) == 1 else "", stale=False)

    records = []
    for artifact in run.artifacts.values():
        footer = artifact.footer
        records.append(
            Record(
                artifact.name,
                footer["kind"],
                footer["step"],
                footer["rows_out"],
                footer["rows_in"],
                sum(footer["dropped"].values()),
                footer["content_digest"],
                footer["code"],
                footer["environment"],
                footer["seed"],
                footer["created"],
                _json(footer["settings"]),
                _json(footer["notes"]) if footer.get("notes") else "",
                footer.get("products", {}),
                [linked(role, item["path"], item["digest"], item["kind"]) for role, item in footer["inputs"].items()],
            )
        )
    return records


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
