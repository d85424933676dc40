"""SLAKE's published layout: questions in English and Chinese about CT, MR and X-ray images.

Liu et al., ISBI 2021, https://www.med-vqa.com/slake. ``train.json``, ``validate.json`` (on the hub ``validation.json``) and
``test.json`` are lists of objects, one a question: ``img_id``, ``img_name`` (``xmlab101/source.jpg``, below ``imgs``),
``question``, ``answer``, ``q_lang`` (``en``, ``zh``), ``location``, ``modality`` (``CT``, ``MRI``, ``X-Ray``), ``answer_type``
(``OPEN``, ``CLOSED``), ``base_type``, ``content_type``, ``triple`` and ``qid``.

One image has questions in several splits. The splits stay as published: such an image becomes an item of each of its splits,
``train-xmlab101`` and ``valid-xmlab101``, and the image is their group, so that the overlap is seen and counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from radtune.datasets.concept_names import CT, MRI, RADIOGRAPH
from radtune.datasets.image_questions import one_item_an_image
from radtune.datasets.source import Format, Item, Question, Source, as_text

SPLIT_FILES = {"train": ("train.json",), "valid": ("validate.json", "validation.json"), "test": ("test.json",)}

MODALITIES = {"CT": CT, "MRI": MRI, "X-Ray": RADIOGRAPH}

KEYS = ("img_name", "question", "answer", "q_lang", "modality", "qid")
"""What is read of a record; the rest is kept by the release only."""


def read(source: Source) -> Iterator[Item]:
    """Every image of every split, with its questions."""
    return one_item_an_image(_rows(source))


def _rows(source: Source) -> Iterator[Item]:
    images = source.find("imgs")
    for split, name in source.split_files(SPLIT_FILES).items():
        for place, row in source.records(name, KEYS):
            file = PurePosixPath(as_text(row["img_name"]))
            image = file.parent.name or file.stem
            modality = MODALITIES.get(as_text(row["modality"]))
            yield Item(
                item_id=f"{split}-{image}" if image else "",
                place=place,
                split=split,
                caption="",
                image=source.inside(f"{images}/{file}"),
                group=image,
                manual_concepts=(modality,) if modality else (),
                licence="CC BY 4.0",
                attribution="SLAKE (Liu et al., ISBI 2021)",
                link="https://www.med-vqa.com/slake",
                questions=(
                    Question(
                        as_text(row["qid"]), as_text(row["question"]), as_text(row["answer"]), as_text(row["q_lang"]).strip()
                    ),
                ),
            )


FORMAT = Format(read, watched=("*.json",))
