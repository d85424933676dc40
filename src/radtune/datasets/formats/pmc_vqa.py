"""PMC-VQA's published layouts, version 1 and 2: multiple-choice questions about figures of PubMed Central.

Zhang et al., arXiv:2305.10415, https://huggingface.co/datasets/xmcmic/PMC-VQA. Version 1, figures with all their parts:
``train.csv`` and ``test.csv`` (``Figure_path,Question,Answer,Choice A`` … ``Choice D,Answer_label``; in its first revision
``Anwser`` and no label), figures in ``images``. Version 2, parts of figures: ``train_2.csv`` and ``test_2.csv`` (``index,
Figure_path,Caption,Question,Choice A`` … ``Choice D,Answer,split``), figures in ``figures`` as its archive makes it. Where both
lie in one folder, version 2 is read. ``test_clean.csv`` repeats rows of ``test.csv`` and is not read.

A question is asked openly: its answer is the text of the right choice, and the other choices are not kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from posixpath import basename, splitext

from radtune.datasets.image_questions import one_item_an_image, question_name
from radtune.datasets.source import Format, Item, Question, Source

VERSIONS = {
    2: ({"train": ("train_2.csv",), "test": ("test_2.csv",)}, ("figures", "images_2")),
    1: ({"train": ("train.csv",), "test": ("test.csv",)}, ("images",)),
}
"""Tables of each version, the newest first, and names of its folder of figures."""

COLUMNS = ("Figure_path", "Question", "Choice A", "Choice B", "Choice C", "Choice D")

_LETTER = re.compile(r"\s*[A-D]\s*:")
"""A choice is written ``" B:Focal uptake pattern "``."""

_ARTICLE = re.compile(r"PMC\d+")


def read(source: Source) -> Iterator[Item]:
    """Every figure of both splits, with its questions."""
    return one_item_an_image(_rows(source))


def _rows(source: Source) -> Iterator[Item]:
    there = [
        number for number, (tables, _) in VERSIONS.items() if any(source.has(name) for names in tables.values() for name in names)
    ]
    if len(there) > 1:
        source.note("version 1", "older_version", "its tables are not read, since those of version 2 are there")
    names, folders = VERSIONS[there[0] if there else 2]
    tables = source.split_files(names)
    images = source.image_index(source.find(*folders))
    for split, name in tables.items():
        for place, row in source.rows(name, COLUMNS):
            image = splitext(basename(row["Figure_path"].strip()))[0]
            article = match[0] if (match := _ARTICLE.match(image)) else ""
            yield Item(
                item_id=f"{split}-{image}" if image else "",
                place=place,
                split=split,
                caption=row.get("Caption", ""),
                image=images.get(image),
                group=article,
                licence="CC BY-SA",
                attribution=f"PMC-VQA (Zhang et al., arXiv:2305.10415), figure of {article}" if article else "",
                link=f"https://www.ncbi.nlm.nih.gov/pmc/articles/{article}/" if article else "",
                questions=(Question(question_name(row["Question"]), row["Question"], _answer(row)),),
            )


def _answer(row: Mapping[str, str]) -> str:
    """Text of the right choice, without its letter; empty where the row names none.

    Version 1 writes the text beside its letter in a column of its own; version 2 writes the letter alone.
    """
    answer = row.get("Answer", row.get("Anwser", "")).strip()
    if "Answer_label" not in row and "Anwser_label" not in row and len(answer) == 1:
        answer = row.get(f"Choice {answer}", "")
    return _LETTER.sub("", answer, count=1).strip()


FORMAT = Format(read, watched=("*.csv",))
