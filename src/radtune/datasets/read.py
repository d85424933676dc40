"""Read a data set of any layout into ``captions``, ``concepts`` and published questions, every item judged by the same rules."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from radtune.artifacts.digests import file_digest
from radtune.artifacts.io import write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.kinds.quarantine import QUARANTINE
from radtune.artifacts.kinds.question_pairs import QUESTION_PAIRS
from radtune.artifacts.provenance import provenance
from radtune.config.datasets import SourceSettings
from radtune.datasets.caption_text import normalise, plain
from radtune.datasets.source import SPLITS, Concept, Item, Source, UnusableImage, is_cui, load_format, split_of
from radtune.errors import DataError
from radtune.licences import licence_id
from radtune.progress import progress

LONGEST_ID = 255
"""Characters of an ID, at most: as many as a file name may have."""

NO_BYTES = hashlib.sha256().hexdigest()
"""SHA-256 of an empty file."""


def read_dataset(
    folder: Path,
    captions: Path,
    concepts: Path,
    questions: Path,
    quarantine: Path,
    unpacked: Path,
    *,
    name: str,
    settings: SourceSettings,
    seed: int,
    prefix: str = "",
) -> None:
    """Read ``folder`` in the layout ``settings.format`` and write the artifacts ``captions``, ``concepts``, ``questions``
    (published ones; origin ``published``) and ``quarantine``.

    An item that cannot be used is left out with a row in quarantine, and so is a question; docs/datasets.md lists the reasons.
    ``image_path`` is below ``folder`` as it was given, or below ``unpacked`` for layouts whose images are no files of their own.
    ``prefix`` goes before every item id, so that ids of two data sets never meet.

    Raises :class:`DataError` where nothing sensible can be read: a table is absent or malformed, or no item is left.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder", f"set the folder of {name} to one in the layout {settings.format}")
    layout = load_format(settings.format)
    source = Source(folder, settings, unpacked)
    judge = _Judge(source, name, prefix)
    items = judge.usable(layout.read(source), seed)
    rows = [judge.row(item, sha256) for item, sha256 in items]
    if not rows:
        first = ": ".join(source.noted[0]) if source.noted else "no row at all"
        raise DataError(
            f"{folder}: no usable image–caption pair", f"see the reasons: {dict(judge.dropped)}; the first is {first}"
        )
    question_rows = judge.question_rows([item for item, _ in items])
    concept_rows, concept_rows_in = judge.concept_rows(layout.concepts(source))

    groups = defaultdict(set)
    for row in rows:
        groups[row["group_id"]].add(row["split"])
    named = {row["cui"] for row in concept_rows}
    notes = {
        "groups": len(groups),
        "groups_in_several_splits": sum(len(splits) > 1 for splits in groups.values()),
        "cuis_without_name": len({cui for row in rows for cui in row["concepts"] + row["manual_concepts"]} - named),
        **_same_images(items),
        "caption_text": judge.text_findings([item for item, _ in items]),
    }
    origin = provenance(
        __name__,
        settings,
        seed,
        inputs=source.files,
        notes=notes,
        loaded=[f"radtune.datasets.formats.{settings.format}"],
    )
    write(quarantine, QUARANTINE, judge.quarantine(), origin)
    for output, kind, accepted, rows_in, dropped in (
        (concepts, CONCEPTS, concept_rows, concept_rows_in, judge.dropped_concepts),
        (questions, QUESTION_PAIRS, question_rows, judge.questions_in, judge.dropped_questions),
        (captions, CAPTIONS, rows, judge.rows_in, judge.dropped),
    ):
        write(output, kind, accepted, origin, rows_in, dict(sorted(dropped.items())), quarantine)


def _same_images(items: Sequence[tuple[Item, str]]) -> dict[str, int]:
    """How many images have the very bytes of an earlier one, and how many of these of one in another split."""
    splits = defaultdict(list)
    for item, sha256 in items:
        splits[sha256].append(item.split)
    return {
        "same_images": sum(len(found) - 1 for found in splits.values()),
        "same_images_across_splits": sum(sum(split != found[0] for split in found) for found in splits.values()),
    }


def _id_reason(item_id: str) -> str | None:
    """What is wrong with an ID: it stands in tables, messages and pages, so it is one line without hidden characters."""
    if not item_id.isprintable() or item_id != item_id.strip():
        return f"{item_id!r}: control characters, line breaks or white space at an end"
    if len(item_id) > LONGEST_ID:
        return f"{len(item_id)} characters, more than {LONGEST_ID}"
    return None


def _image_digest(item: Item) -> str:
    """SHA-256 of the item's image file. Raises :class:`UnusableImage`."""
    if item.image is None:
        raise UnusableImage("missing_image", "no such image file in the folder")
    try:
        sha256 = file_digest(item.image)
    except FileNotFoundError:
        raise UnusableImage("missing_image", f"{item.image}: no such file") from None
    except OSError as error:
        raise UnusableImage("unreadable_image", f"{item.image}: {error.strerror}") from None
    if sha256 == NO_BYTES:
        raise UnusableImage("empty_image", f"{item.image}: zero bytes")
    if item.sha256 and sha256 != item.sha256:
        raise UnusableImage("altered_image", f"{item.image}: sha256 {sha256}, the release records {item.sha256}")
    return sha256


@dataclass
class _Judge:
    """Judges the items of one source; counts them and what is left out."""

    source: Source
    name: str
    prefix: str
    rows_in: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_concepts: Counter[str] = field(default_factory=Counter)
    questions_in: int = 0
    dropped_questions: Counter[str] = field(default_factory=Counter)
    found_in_text: dict[str, Counter[str]] = field(default_factory=dict)

    def quarantine(self) -> list[dict[str, str]]:
        """Every row of the quarantine artifact."""
        return [
            {"item_id": plain(item_id), "step": __name__, "reason": reason, "detail": plain(detail)}
            for item_id, reason, detail in self.source.noted
        ]

    def _drop(self, item: Item, reason: str, detail: str) -> None:
        self.dropped[reason] += 1
        name = item.item_id if item.item_id.strip() and item.item_id.isprintable() else item.place
        self.source.note(name, reason, f"{item.place}: {detail}")
        self.questions_in += len(item.questions)
        for asked in item.questions:
            self.dropped_questions["item_left_out"] += 1
            self.source.note(name, "item_left_out", f"{item.place}: question {asked.name}: its item is left out ({reason})")

    def usable(self, items: Iterable[Item], seed: int) -> list[tuple[Item, str]]:
        """Items that can be used, with the SHA-256 of their image file, split by split in the order of the release."""
        by_split: dict[str, dict[str, Item]] = {split: {} for split in SPLITS}
        seen: dict[str, str] = {}
        for item in items:
            self.rows_in += 1
            split = split_of(item.split)
            caption, found = normalise(item.caption, self.source.settings.text)
            if not item.item_id.strip():
                self._drop(item, "empty_id", "no ID")
            elif reason := _id_reason(item.item_id):
                self._drop(item, "bad_id", reason)
            elif item.item_id in seen:
                self._drop(item, "duplicate_id", f"the ID already stands in {seen[item.item_id]}; the first is kept")
            elif split is None:
                self._drop(item, "unknown_split", f"{item.split!r} is no spelling of {', '.join(SPLITS)}")
            elif refused := item.left_out or self._text_reason(caption, item) or self._licence_reason(item):
                self._drop(item, *refused)
            else:
                unchanged = (split, caption) == (item.split, item.caption)
                by_split[split][item.item_id] = item if unchanged else replace(item, split=split, caption=caption)
                if found:
                    self.found_in_text[item.item_id] = found
            seen.setdefault(item.item_id, item.place)
        return [pair for split, own in by_split.items() for pair in self._with_image(own, f"{seed} {split}")]

    def _text_reason(self, text: str, item: Item) -> tuple[str, str] | None:
        settings, languages = self.source.settings.text, self.source.settings.languages
        words = len(text.split())
        if not words and not item.questions:
            return "empty_caption", "no caption"
        if not words:
            asked = any(question.language in languages for question in item.questions)
            return None if asked else ("language", f"no caption, and no question in {', '.join(languages)}")
        if words < settings.minimum_words:
            return "short_caption", f"{words} words, fewer than {settings.minimum_words}"
        if settings.maximum_words is not None and words > settings.maximum_words:
            return "long_caption", f"{words} words, more than {settings.maximum_words}"
        return None

    def _licence_reason(self, item: Item) -> tuple[str, str] | None:
        wanted = self.source.settings.licences
        if wanted is None or (found := licence_id(item.licence)) in wanted:
            return None
        return "licence", f"{item.licence or 'no licence stated'} ({found}) is none of {', '.join(wanted)}"

    def _with_image(self, items: dict[str, Item], seed: str) -> list[tuple[Item, str]]:
        """Items whose image can be used, at most ``limit_per_split`` of them drawn with ``seed``; in the given order."""
        limit = self.source.settings.limit_per_split
        waiting = list(items)
        if limit is not None:
            waiting.sort()  # the draw depends on the IDs, not on the order of rows in the file
            random.Random(seed).shuffle(waiting)
        place = {item_id: number for number, item_id in enumerate(items)}
        kept: dict[str, tuple[Item, str]] = {}
        while waiting and (limit is None or len(kept) < limit):
            wanted = len(waiting) if limit is None else limit - len(kept)
            # In the order of the release, so that a file that holds many images is read through once.
            drawn, waiting = sorted(waiting[:wanted], key=place.__getitem__), waiting[wanted:]
            for item_id in progress(drawn, "reading images", unit="image"):
                item = items[item_id]
                try:
                    item = item if item.unpack is None else replace(item, image=item.unpack(), unpack=None)
                    kept[item_id] = item, _image_digest(item)
                except UnusableImage as fault:
                    self._drop(item, fault.reason, fault.detail)
        for item_id in waiting:
            self._drop(items[item_id], "over_limit", f"not among the {limit} drawn of its split (limit_per_split)")
        return [kept[item_id] for item_id in items if item_id in kept]

    def text_findings(self, items: Iterable[Item]) -> dict[str, int]:
        """How often each rule for captions found something in ``items``."""
        total: Counter[str] = Counter()
        for item in items:
            total.update(self.found_in_text.get(item.item_id, ()))
        return dict(sorted(total.items()))

    def row(self, item: Item, sha256: str) -> dict[str, Any]:
        """The row of the ``captions`` artifact."""
        return {
            "item_id": self.prefix + item.item_id,
            "dataset": self.name,
            "split": item.split,
            "caption": item.caption,
            "concepts": list(item.concepts),
            "manual_concepts": list(item.manual_concepts),
            "image_path": str(item.image),
            "image_sha256": sha256,
            "group_id": self.prefix + (plain(item.group) or item.item_id),
            "licence": plain(item.licence),
            "attribution": plain(item.attribution),
            "link": plain(item.link),
            "restricted": item.restricted or self.source.settings.restricted,
        }

    def question_rows(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        """Rows of the published questions of the items that are used."""
        rows: dict[str, dict[str, Any]] = {}
        languages = self.source.settings.languages
        for item in items:
            for asked in item.questions:
                self.questions_in += 1
                question_id = f"{self.prefix}{item.item_id}/published/{asked.name}"
                question, answer = plain(asked.question), plain(asked.answer)
                if asked.language not in languages:
                    reason, detail = "language", f"{asked.language} is none of {', '.join(languages)}"
                elif not question or not answer:
                    reason, detail = "empty_question", "no question" if not question else "no answer"
                elif question_id in rows:
                    reason, detail = "duplicate_question", "a second question of this name; the first is kept"
                else:
                    rows[question_id] = {
                        "question_id": question_id,
                        "item_id": self.prefix + item.item_id,
                        "split": item.split,
                        "question": question,
                        "answer": answer,
                        "origin": "published",
                        "accepted": True,
                        "reasons": [],
                    }
                    continue
                self.dropped_questions[reason] += 1
                self.source.note(item.item_id, reason, f"{item.place}: question {asked.name}: {detail}")
        return list(rows.values())

    def concept_rows(self, concepts: Iterable[Concept]) -> tuple[list[dict[str, Any]], int]:
        """Rows of the ``concepts`` artifact, and how many rows the release's table has."""
        rows: dict[str, dict[str, Any]] = {}
        rows_in = 0
        for concept in concepts:
            rows_in += 1
            cui, name = concept.cui.strip(), plain(concept.name)
            if not is_cui(cui):
                reason, detail = "bad_cui", f"{concept.place}: {cui!r} is not a CUI (C and seven digits)"
            elif cui in rows:
                reason, detail = "duplicate_cui", f"{concept.place}: {cui} already has the name {rows[cui]['name']!r}"
            elif not name:
                reason, detail = "empty_name", f"{concept.place}: {cui} has no name"
            else:
                rows[cui] = {"cui": cui, "name": name, "type_ids": list(concept.type_ids)}
                continue
            self.dropped_concepts[reason] += 1
            self.source.note(cui, reason, detail)
        return list(rows.values()), rows_in
