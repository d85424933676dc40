"""The audit of a run: every artifact checked against its own footer, from the report's inputs back to the archives."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from radtune.artifacts.code_digest import code_digest
from radtune.artifacts.digests import file_digest, path_digest
from radtune.artifacts.io import check_kind, content_digest, count_by, read, read_batches, read_footer
from radtune.artifacts.kind import Kind
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.errors import ArtifactError

READS_ALL_OF = {"images": "captions", "llm_replies": "captions", "modality_labels": "captions"}
"""Kinds whose artifacts, all shards together, take in every row of the input of that name."""

Verdict = Literal["altered", "missing", "stale", "sums"]


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the footers say."""

    verdict: Verdict
    """`altered`: content differs from its recorded digest. `missing`: a recorded file is gone. `stale`: made from another
    version of an input, or by other code, than there is now. `sums`: rows in are not rows out plus rows dropped, a row
    dropped has none in quarantine, or shards together take in another number of rows than there are."""
    path: str
    detail: str


@dataclass
class AuditReport:
    """What an audit looked at and found."""

    artifacts: int = 0
    files: int = 0
    findings: list[Finding] = field(default_factory=list)


def kind_by_name(name: str) -> Kind:
    """The declared kind of that name. Raises :class:`ArtifactError` if there is none."""
    try:
        module = importlib.import_module(f"radtune.artifacts.kinds.{name}")
    except ModuleNotFoundError:
        raise ArtifactError(f"no kind of artifact is called {name!r}") from None
    kind: Kind = getattr(module, name.upper())
    return kind


def audit_run(run: Path) -> AuditReport:
    """Check every Parquet file below ``run``, the files they name, and the source images of the captions.

    Paths in footers are relative to the folder that holds ``results``; a run that was moved is found by ``run``'s place.
    """
    report = AuditReport()
    paths = sorted(path for path in run.rglob("*.parquet") if "checkpoints" not in path.parts and ".partial" not in str(path))
    if not paths:
        report.findings.append(Finding("missing", str(run), "holds no artifacts"))
    root = run.resolve().parents[1]
    current: dict[Path, str] = {}
    footers: dict[Path, dict[str, Any]] = {}
    for path in paths:
        report.artifacts += 1
        try:
            footer = read_footer(path)
            kind = kind_by_name(footer["kind"])
            check_kind(path, kind)
            current[path.resolve()] = content_digest(path, kind)
        except Exception as error:  # whatever a damaged file makes a reader raise, the finding names it
            report.findings.append(Finding("altered", str(path), f"cannot be read: {error}"))
            continue
        footers[path] = footer
        if current[path.resolve()] != footer["content_digest"]:
            report.findings.append(Finding("altered", str(path), "its rows are not those that were written"))
        report.findings.extend(_row_sums(path, footer))
        if footer["kind"] == CAPTIONS.name:
            report.findings.extend(_source_images(path, root, report))
    for path, footer in footers.items():
        report.findings.extend(_references(path, footer, root, current, report))
    report.findings.extend(_quarantined(footers, root, current))
    report.findings.extend(_rows_taken_in(footers, root))
    return report


def _row_sums(path: Path, footer: dict[str, Any]) -> Iterator[Finding]:
    if footer["rows_in"] is not None:
        dropped = sum(footer["dropped"].values())
        if footer["rows_in"] != footer["rows_out"] + dropped:
            yield Finding("sums", str(path), f"{footer['rows_in']} rows in, {footer['rows_out']} out, {dropped} dropped")


def _quarantined(footers: dict[Path, dict[str, Any]], root: Path, current: dict[Path, str]) -> Iterator[Finding]:
    """Compare the rows of each quarantine, by reason, with what the artifacts that name it dropped, all together.

    It may hold more: a fault that is noted need not cost a row, such as a malformed CUI among others of an item.
    """
    dropped: dict[Path, Counter[str]] = {}
    for path, footer in footers.items():
        if footer.get("quarantine") is not None:
            quarantine = (root / footer["quarantine"]).resolve()
            if not quarantine.exists():
                yield Finding("missing", str(path), f"its quarantine ({footer['quarantine']}) is gone")
            elif quarantine in current:  # else it cannot be read, which is a finding already
                dropped.setdefault(quarantine, Counter()).update(footer["dropped"])
    for quarantine, reasons in dropped.items():
        found = count_by(read(quarantine, QUARANTINE, ["reason"]), "reason")
        for reason, rows in sorted(reasons.items()):
            if found.get(reason, 0) < rows:
                yield Finding("sums", str(quarantine), f"{rows} rows were dropped as {reason}, {found.get(reason, 0)} are here")


def _rows_taken_in(footers: dict[Path, dict[str, Any]], root: Path) -> Iterator[Finding]:
    """Compare the rows that all shards of a kind take in with the rows of the input they are cut from."""
    rows_of = {path.resolve(): footer["rows_out"] for path, footer in footers.items()}
    taken: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for footer in footers.values():
        if (role := READS_ALL_OF.get(footer["kind"])) is not None and footer["rows_in"] is not None:
            read_from = [record["path"] for name, record in footer["inputs"].items() if name.partition("[")[0] == role]
            taken[footer["kind"], tuple(sorted(read_from))] += footer["rows_in"]
    for (kind, inputs), rows_in in taken.items():
        rows = [rows_of[place] for path in inputs if (place := (root / path).resolve()) in rows_of]
        if rows and len(rows) == len(inputs) and rows_in != sum(rows):  # a missing input is a finding already
            yield Finding("sums", kind, f"all of its artifacts take in {rows_in} rows, {' and '.join(inputs)} hold {sum(rows)}")


def _source_images(captions: Path, root: Path, report: AuditReport) -> Iterator[Finding]:
    """Compare every source image with the checksum its caption row carries."""
    for batch in read_batches(captions, CAPTIONS, ["image_path", "image_sha256"]):
        for row in batch.to_pylist():
            image = root / row["image_path"]
            report.files += 1
            if not image.is_file():
                yield Finding("missing", row["image_path"], f"source image named by {captions}")
            elif file_digest(image) != row["image_sha256"]:
                yield Finding("altered", row["image_path"], f"source image differs from its checksum in {captions}")


def _references(
    path: Path, footer: dict[str, Any], root: Path, current: dict[Path, str], report: AuditReport
) -> Iterator[Finding]:
    """Compare the inputs, products and code that a footer names with what is there now."""
    for name, record in footer["inputs"].items():
        source = root / record["path"]
        if not source.exists():
            yield Finding("missing", str(path), f"input {name} ({record['path']}) is gone")
            continue
        digest = current.get(source.resolve())
        if digest is None and record["kind"] is None:
            report.files += 1
            digest = path_digest(source)
        if digest is not None and digest != record["digest"]:
            yield Finding("stale", str(path), f"input {name} ({record['path']}) has changed since")
    for name, recorded in footer["products"].items():
        product = root / name
        report.files += 1
        if not product.exists():
            yield Finding("missing", name, f"product named by {path} is gone")
        elif file_digest(product) != recorded:
            yield Finding("altered", name, f"differs from its checksum in {path}")
    try:
        if code_digest(*footer["modules"]) != footer["code"]:
            yield Finding("stale", str(path), f"made by other code of {footer['step']} than is there now")
    except ValueError:
        yield Finding("stale", str(path), f"made by {footer['step']}, which this version of radtune does not have")
