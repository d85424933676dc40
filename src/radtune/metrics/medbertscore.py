"""MedBERTScore (Ben Abacha et al. 2023): BERTScore in which the tokens of medical terms count twice.

After ``abachaa/EvaluationMetrics-ACL23``, with one correction: there a term at the very beginning of a text never counts twice.
A token belongs to a term if their characters overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from radtune.errors import UnavailableError
from radtune.metrics.bertscore import STORE, prepare_encoder
from radtune.metrics.concept_extraction import Extractor
from radtune.metrics.concept_f1 import find_extractor
from radtune.metrics.contract import Resources, Result, Sample, f1
from radtune.metrics.preprocessing import NORMALISATION, normalise_caption
from radtune.metrics.reference_embeddings import embed_references
from radtune.metrics.semantic_groups import SEMANTIC_GROUPS
from radtune.metrics.token_encoder import Embedded, Encoder

MEDICAL: Final = frozenset().union(
    *(SEMANTIC_GROUPS[name] for name in ("Anatomy", "Chemicals & Drugs", "Disorders", "Procedures"))
) - {"T033"}
"""The 49 semantic types whose terms count twice: of these groups all but Finding."""
TERM_WEIGHT: Final = 2.0
"""Weight of a token in a medical term; others weigh 1."""


def medbertscore(samples: Sequence[Sample], resources: Resources) -> Result:
    """MedBERTScore of each caption against its reference, on normalised text: precision, recall, and F1 as ``medbertscore``.

    Begin and end of a text take no part in the matching. Terms are what the extractor of the UMLS concept F1 finds in the
    normalised text, if the first type of the concept is one of :data:`MEDICAL`.

    Raises :class:`WeightsError` if encoder or pack cannot be had, :class:`ConfigError` if the encoder has no such layer, and
    :class:`UnavailableError` without concepts, or if none of those found has a semantic type.
    """
    settings = resources.settings
    extract, extractor = find_extractor(resources, "all")
    pairs = [(normalise_caption(sample.prediction), normalise_caption(sample.reference)) for sample in samples]
    texts = {text for pair in pairs for text in pair}
    encoder, identity = prepare_encoder(settings, resources.weights_cache)
    weights = _weigh(encoder, extract, texts)
    references = embed_references(
        encoder, (reference for _, reference in pairs), settings.batch_size, resources.weights_cache / STORE, identity
    )
    candidates = dict(encoder.embed((text for text, _ in pairs if text not in references), settings.batch_size))
    embedded = candidates | references
    scores = [
        match(embedded[candidate], embedded[reference], weights[candidate], weights[reference]) for candidate, reference in pairs
    ]
    names = ("medbertscore_precision", "medbertscore_recall", "medbertscore")
    signature = {
        "metric": "MedBERTScore",
        "text": NORMALISATION,
        "checkpoint": settings.bertscore_source,
        "term_weight": TERM_WEIGHT,
        "term_types": sorted(MEDICAL),
        "terms": extractor,
        **identity,
    }
    return Result({name: list(column) for name, column in zip(names, zip(*scores, strict=True), strict=True)}, signature)


def _weigh(encoder: Encoder, extract: Extractor, texts: set[str]) -> dict[str, torch.Tensor]:
    """Weights of the tokens of each text. Raises :class:`UnavailableError` if concepts are found and none has a type."""
    mentions = {text: extract(text) for text in texts}
    found = [mention for of_text in mentions.values() for mention in of_text]
    if found and not any(mention.type_ids for mention in found):
        raise UnavailableError(
            "the concepts have no semantic types, so medical terms cannot be told", "give a table or pack that has them"
        )
    return {
        text: token_weights(
            encoder.spans(text),
            [(mention.start, mention.end) for mention in of_text if mention.type_ids and mention.type_ids[0] in MEDICAL],
        )
        for text, of_text in mentions.items()
    }


def token_weights(tokens: Sequence[tuple[int, int]], terms: Sequence[tuple[int, int]]) -> torch.Tensor:
    """Weight of each token, float64: :data:`TERM_WEIGHT` where its characters overlap a term's. Both are (start, end) pairs."""
    in_term = [any(start < end_of and start_of < end for start_of, end_of in terms) for start, end in tokens]
    return torch.tensor([TERM_WEIGHT if inside else 1.0 for inside in in_term], dtype=torch.float64)


def match(
    candidate: Embedded, reference: Embedded, candidate_weights: torch.Tensor, reference_weights: torch.Tensor
) -> tuple[float, float, float]:
    """Precision, recall and F1 of one pair: weighted means of each token's best cosine. All are 0 where either text is empty.

    The first and the last token, begin and end of the text, are left out.
    """
    ours, theirs = (text.vectors[1:-1].double() for text in (candidate, reference))
    if not len(ours) or not len(theirs):
        return 0.0, 0.0, 0.0
    similarity = ours @ theirs.T
    ours_weights, theirs_weights = candidate_weights[1:-1], reference_weights[1:-1]
    precision = float(similarity.amax(dim=1) @ ours_weights / ours_weights.sum())
    recall = float(similarity.amax(dim=0) @ theirs_weights / theirs_weights.sum())
    return precision, recall, f1(precision, recall)
