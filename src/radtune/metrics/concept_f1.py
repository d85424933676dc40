"""UMLS concept F1: overlap of the sets of UMLS concepts that MedCAT finds in prediction and reference.

The definition is that of ImageCLEFmedical's evaluator. The organisers' model pack may not be redistributed, so the pack is
built on the spot from the run's concept table: names are looked up in the text, without a trained disambiguation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Final

import numpy as np
import pandas as pd

from radtune.artifacts.io import read_footer, read_rows
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.errors import UnavailableError
from radtune.metrics.contract import Resources, Result, Sample, f1, versions
from radtune.metrics.semantic_groups import MEDCON

MINIMUM_NAME_LENGTH: Final = 2
"""Shortest name looked for. MedCAT's default of 3 would never see ``CT``."""

SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "C0040405": ("CT", "computed tomography"),
    "C0024485": ("MRI", "MR", "magnetic resonance"),
    "C0041618": ("ultrasound", "sonography"),
    "C1306645": ("X-ray", "radiograph", "radiography"),
    "C0002978": ("angiography",),
    "C0032743": ("PET",),
    "C0034606": ("scintigraphy",),
}
"""Everyday names of the modality concepts, which concept tables list under one canonical name only."""

NAME_SEPARATOR: Final = "\x1f"
"""Between the names of one concept; cannot stand in a name."""

Extractor = Callable[[str], frozenset[str]]
"""From a raw text to the CUIs it names."""


def concept_f1(samples: Sequence[Sample], resources: Resources) -> Result:
    """F1 between the sets of CUIs found in the raw prediction and the raw reference.

    0 where neither text has a concept (as the official evaluator does, which depresses the mean on short captions).
    Raises :class:`UnavailableError` without a concept table, or if types are to be chosen and the table has none.
    """
    if resources.concepts is None:
        raise UnavailableError("no concept table was given", "pass one with --concepts")
    concepts = read_rows(resources.concepts, CONCEPTS)
    if resources.settings.concept_types == "medcon":
        concepts = medcon_concepts(concepts)
    extract = build_extractor(concepts)
    found = {text: extract(text) for sample in samples for text in (sample.prediction, sample.reference)}
    signature = {
        "metric": "UMLS concept F1",
        "definition": "F1 of the sets of CUIs in the raw texts; no concept in either text: 0",
        "extractor": "MedCAT, pack built from the run's concept table, untrained",
        "table": {"content_digest": read_footer(resources.concepts)["content_digest"], "concepts": len(concepts)},
        "semantic_types": resources.settings.concept_types,
        "synonyms": SYNONYMS,
        "minimum_name_length": MINIMUM_NAME_LENGTH,
        "versions": versions("medcat"),
    }
    values = [set_f1(found[sample.prediction], found[sample.reference]) for sample in samples]
    return Result({"concept_f1": values}, signature)


def medcon_concepts(concepts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The concepts of the table that MEDCON counts. Raises :class:`UnavailableError` if no concept has a semantic type."""
    if not any(concept["type_ids"] for concept in concepts):
        raise UnavailableError(
            "the concept table has no semantic types, so MEDCON's cannot be told", "set metrics.concept_types to all"
        )
    return [concept for concept in concepts if MEDCON.intersection(concept["type_ids"])]


def set_f1(predicted: Set[str], reference: Set[str]) -> float:
    """F1 of two sets; 0 where either is empty."""
    common = len(predicted & reference)
    return f1(common / len(predicted), common / len(reference)) if common else 0.0


def build_extractor(concepts: Sequence[Mapping[str, Any]]) -> Extractor:
    """Build a MedCAT pack from rows of the concept table.

    Names match whole words whatever their case, except that names shorter than four letters must stand in capitals (MedCAT's
    rule: ``CT``, not ``ct``). Of overlapping names the longest counts. A name that several concepts share means the one with
    the smallest CUI. Nothing is learnt from the texts, so the order in which they come does not matter.
    """
    from medcat.cat import CAT
    from medcat.config import Config
    from medcat.model_creation.cdb_maker import CDBMaker
    from medcat.vocab import Vocab

    config = Config()
    config.general.nlp.provider = "regex"  # MedCAT's own tokenizer: no spaCy model is needed
    config.general.spell_check = False  # a misspelt finding is not a finding
    config.general.log_level = logging.ERROR
    # MedCAT 2.9 overlooks the last token of a name when it removes overlaps, so it gives all and we choose.
    config.general.show_nested_entities = True
    config.cdb_maker.multi_separator = NAME_SEPARATOR
    config.components.ner.min_name_len = MINIMUM_NAME_LENGTH
    # Below every similarity: an untrained pack knows no context, and a match of the name has to be enough.
    config.components.linking.similarity_threshold = -1
    config.components.linking.train_count_threshold = -1
    config.components.linking.train = False

    frame = pd.DataFrame(
        {
            "cui": concept["cui"],
            "name": NAME_SEPARATOR.join(concept_names(concept["cui"], concept["name"])),
            "ontologies": "UMLS",
            "name_status": "P",
            "type_ids": NAME_SEPARATOR.join(concept["type_ids"]),
            "description": "",
        }
        for concept in sorted(concepts, key=lambda concept: str(concept["cui"]))
    )
    database = CDBMaker(config).prepare_csvs([frame], full_build=True)  # type: ignore[list-item]
    vocabulary = Vocab()  # MedCAT wants one, though nothing is compared by context
    vocabulary.add_word("image", cnt=1, vec=np.ones(1))
    vocabulary.init_cumsums()
    pack = CAT(database, vocabulary)

    def extract(text: str) -> frozenset[str]:
        found = pack.get_entities(text).get("entities", {})  # an empty text gives an empty answer
        return frozenset(entity["cui"] for entity in longest_matches(list(found.values())))

    return extract


def longest_matches(entities: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of overlapping ``entities`` (``start`` and ``end`` in characters) the longest, of equally long ones the first."""
    kept: list[Mapping[str, Any]] = []
    for entity in sorted(entities, key=lambda entity: (entity["start"] - entity["end"], entity["start"])):
        if all(entity["end"] <= other["start"] or other["end"] <= entity["start"] for other in kept):
            kept.append(entity)
    return kept


def concept_names(cui: str, name: str) -> list[str]:
    """Names by which a concept is looked for: its canonical name, that name in natural word order where the UMLS inverts it
    (``Hernia, Inguinal``), and the everyday names of modalities."""
    head, comma, rest = name.partition(", ")
    natural = [f"{rest} {head}"] if comma and "," not in rest else []
    return [name, *natural, *SYNONYMS.get(cui, ())]
