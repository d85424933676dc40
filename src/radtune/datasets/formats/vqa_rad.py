"""VQA-RAD's published layout: questions that clinicians asked about images of MedPix.

Lau et al., Scientific Data 5, 180251, 2018, https://osf.io/89kps. ``VQA_RAD Dataset Public.json`` is a list of objects, one a
question: ``qid``, ``phrase_type``, ``image_name``, ``image_case_url``, ``question``, ``answer`` and others. A ``freeform``
question was asked in the clinician's own words, a ``para`` one is its paraphrase; ``test_freeform`` and ``test_para`` are the
test split. Images lie in ``VQA_RAD Image Folder``.

The splits share images: such an image becomes an item of both, ``train-synpic54610`` and ``test-synpic54610``. The group is
the case in MedPix, by the first address that the release gives for the image (four images have more than one).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from radtune.datasets.image_questions import one_item_an_image
from radtune.datasets.source import Format, Item, Question, Source, as_text

TABLE = "VQA_RAD Dataset Public.json"
IMAGES = "VQA_RAD Image Folder"

SPLIT_OF = {"freeform": "train", "para": "train", "test_freeform": "test", "test_para": "test"}
"""Split of each phrase type."""

KEYS = ("qid", "phrase_type", "image_name", "image_case_url", "question", "answer")


def read(source: Source) -> Iterator[Item]:
    """Every image of both splits, with its questions and their paraphrases."""
    return one_item_an_image(_rows(source))


def _rows(source: Source) -> Iterator[Item]:
    images = source.image_index(source.find(IMAGES))
    cases: dict[str, str] = {}
    for place, row in source.records(source.find(TABLE), KEYS):
        image = PurePosixPath(as_text(row["image_name"])).stem
        phrase_type = as_text(row["phrase_type"])
        split = SPLIT_OF.get(phrase_type, phrase_type)
        case = cases.setdefault(image, as_text(row["image_case_url"]).strip())
        yield Item(
            item_id=f"{split}-{image}" if image else "",
            place=place,
            split=split,
            caption="",
            image=images.get(image),
            group=case or image,
            licence="CC0 1.0",
            attribution="VQA-RAD (Lau et al., Scientific Data 5, 180251, 2018)",
            link=case or "https://osf.io/89kps",
            questions=(Question(as_text(row["qid"]), as_text(row["question"]), as_text(row["answer"])),),
        )


FORMAT = Format(read, watched=("*.json",))
