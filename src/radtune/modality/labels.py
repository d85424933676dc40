"""The modality of each image, as its concepts say it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from radtune.artifacts.io import ArtifactWriter, read_batches
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.modality_labels import MODALITY_LABELS
from radtune.artifacts.provenance import provenance
from radtune.config.modality import LabelSettings
from radtune.modality.classes import CLASS_OF_CUI, OTHER


def label_modalities(captions: Path, output: Path, *, settings: LabelSettings, seed: int) -> None:
    """Label every image of ``captions``, in its order.

    The concepts a person assigned decide; where they name no modality, the concepts of the caption do (unless the settings
    take both together). No modality at all, or more than one, is ``Other``; the latter is marked as a clash.
    """
    record = provenance(__name__, settings, seed, inputs={"captions": captions})
    with ArtifactWriter(output, MODALITY_LABELS, record) as writer:
        rows_in = 0
        for batch in read_batches(captions, CAPTIONS, ["item_id", "split", "concepts", "manual_concepts"]):
            rows_in += batch.num_rows
            for row in batch.to_pylist():
                manual, automatic = row["manual_concepts"] or [], row["concepts"] or []
                if settings.prefer_manual_concepts:
                    cuis = modality_cuis(manual) or modality_cuis(automatic)
                else:
                    cuis = modality_cuis(manual + automatic)
                label, clash = label_of(cuis)
                writer.write_rows(
                    [
                        {
                            "item_id": row["item_id"],
                            "split": row["split"],
                            "label": label,
                            "modality_cuis": cuis,
                            "clash": clash,
                        }
                    ]
                )
        writer.rows_in = rows_in


def modality_cuis(concepts: Iterable[str]) -> list[str]:
    """Those of ``concepts`` that name a modality, each once, sorted."""
    return sorted(CLASS_OF_CUI.keys() & set(concepts))


def label_of(cuis: list[str]) -> tuple[str, bool]:
    """The class of an image whose concepts name the modalities ``cuis``, and whether they clash (more than one)."""
    if len(cuis) == 1:
        return CLASS_OF_CUI[cuis[0]], False
    return OTHER, len(cuis) > 1
