"""UMLS concept F1: overlap of the sets of UMLS concepts that MedCAT finds in prediction and reference.

The definition is that of ImageCLEFmedical's evaluator. The organisers' model pack may not be redistributed, so a pack is
built on the spot from the run's concept table (names are looked up in the text, without a trained disambiguation), unless the
user has one.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from radtune.artifacts.io import read_footer, read_rows
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.config.metrics import ConceptTypes
from radtune.errors import UnavailableError
from radtune.metrics.concept_extraction import (
    MINIMUM_NAME_LENGTH,
    SYNONYMS,
    Extractor,
    build_pack,
    concepts_in,
    make_extractor,
)
from radtune.metrics.contract import Resources, Result, Sample, f1, versions
from radtune.metrics.semantic_groups import MEDCON
from radtune.weights.fetch import fetch


def concept_f1(samples: Sequence[Sample], resources: Resources) -> Result:
    """F1 between the sets of CUIs found in the raw prediction and the raw reference.

    0 where neither text has a concept (as the official evaluator does, which depresses the mean on short captions).
    Raises :class:`WeightsError` if the user's pack cannot be had or read, and :class:`UnavailableError` if there is neither pack
    nor concept table, or if types are to be chosen and there are none.
    """
    extract, extractor = find_extractor(resources, resources.settings.concept_types)
    texts = dict.fromkeys(text for sample in samples for text in (sample.prediction, sample.reference))
    found = {text: concepts_in(text, extract) for text in texts}
    signature = {
        "metric": "UMLS concept F1",
        "definition": "F1 of the sets of CUIs in the raw texts; no concept in either text: 0",
        **extractor,
    }
    values = [set_f1(found[sample.prediction], found[sample.reference]) for sample in samples]
    return Result({"concept_f1": values}, signature)


def find_extractor(resources: Resources, types: ConceptTypes) -> tuple[Extractor, dict[str, Any]]:
    """What finds concepts of the chosen types in a text, the user's pack or one built from the concept table, and its signature.

    Raises as :func:`concept_f1` does.
    """
    settings = resources.settings
    shared = {"semantic_types": types, "versions": versions("medcat")}
    if settings.concept_pack_source:
        from radtune.metrics.medcat_pack import load_extractor, pack_digests

        pack = fetch(settings.concept_pack_source, resources.weights_cache, settings.concept_pack_sha256)
        identity = {"pack": settings.concept_pack_source, "sha256": pack_digests(pack)}
        return load_extractor(pack, types), {"extractor": "MedCAT, the user's pack"} | identity | shared
    if resources.concepts is None:
        raise UnavailableError("neither a concept table nor a MedCAT pack was given", "pass one with --concepts")
    concepts = read_rows(resources.concepts, CONCEPTS)
    if types == "medcon":
        concepts = medcon_concepts(concepts)
    return make_extractor(build_pack(concepts)), {
        "extractor": "MedCAT, pack built from the run's concept table, untrained",
        "table": {"content_digest": read_footer(resources.concepts)["content_digest"], "concepts": len(concepts)},
        "synonyms": SYNONYMS,
        "minimum_name_length": MINIMUM_NAME_LENGTH,
    } | shared


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
