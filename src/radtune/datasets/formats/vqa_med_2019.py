"""VQA-Med 2019's published layout: questions on modality, plane, organ system and abnormality of images of MedPix.

Ben Abacha et al., CLEF 2019, https://zenodo.org/records/10499039. Text files without a header, a question a line:
``All_QA_Pairs_train.txt`` and ``All_QA_Pairs_val.txt`` (``image|question|answer``) with the folders ``Train_images`` and
``Val_images``, and ``VQAMed2019_Test_Questions_w_Ref_Answers.txt`` (``image|category|question|answer``) with
``VQAMed2019_Test_Images``. Each may lie in the folder that its archive makes, at most two deep. A quote is a character like
any other.

In reference answers of the test split ``#`` parts answers that are all correct (its README): the first is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from radtune.datasets.image_questions import one_item_an_image, question_name
from radtune.datasets.source import Format, Item, Question, Source

DEPTHS = ("", "*/", "*/*/")
"""Where tables are looked for."""

TABLES = {
    "train": "All_QA_Pairs_train.txt",
    "valid": "All_QA_Pairs_val.txt",
    "test": "VQAMed2019_Test_Questions_w_Ref_Answers.txt",
}

IMAGES = {
    "train": ("Train_images", "train_images"),
    "valid": ("Val_images", "val_images"),
    "test": ("VQAMed2019_Test_Images", "test_images"),
}
"""Image folder beside each table."""

COLUMNS = {
    "train": ("image", "question", "answer"),
    "valid": ("image", "question", "answer"),
    "test": ("image", "category", "question", "answer"),
}


def read(source: Source) -> Iterator[Item]:
    """Every image of every split, with its questions."""
    return one_item_an_image(_rows(source))


def _rows(source: Source) -> Iterator[Item]:
    tables = source.split_files({split: _places(source, name) for split, name in TABLES.items()})
    for split, name in tables.items():
        beside = PurePosixPath(name).parent
        images = source.image_index(source.find(*(str(beside / folder) for folder in IMAGES[split])))
        for place, row in source.rows(name, delimiter="|", header=COLUMNS[split], quoted=False):
            image = row["image"].strip()
            answer = row["answer"].split("#")[0] if split == "test" else row["answer"]
            yield Item(
                item_id=f"{split}-{image}" if image else "",
                place=place,
                split=split,
                caption="",
                image=images.get(image),
                group=image,
                licence="CC BY 4.0",
                attribution="VQA-Med 2019 (Ben Abacha et al., CLEF 2019)",
                link="https://zenodo.org/records/10499039",
                questions=(Question(question_name(row["question"]), row["question"], answer),),
            )


def _places(source: Source, name: str) -> list[str]:
    """Where a file of that name lies, the least deep first, hidden folders aside; the name itself where it lies nowhere."""
    found = (path.relative_to(source.folder) for depth in DEPTHS for path in sorted(source.folder.glob(depth + name)))
    return [str(path) for path in found if not path.parts[0].startswith(".")] or [name]


FORMAT = Format(read, watched=tuple(f"{depth}*.txt" for depth in DEPTHS))
