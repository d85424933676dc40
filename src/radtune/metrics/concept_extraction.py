"""Find the UMLS concepts that a text names, with a MedCAT 2 pack: built on the spot from a concept table, or the user's."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

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


class Mention(NamedTuple):
    """A place in a text where a concept is named."""

    cui: str
    type_ids: tuple[str, ...]
    """Semantic types of the concept, as the pack lists them; empty where it knows none."""
    start: int
    """First character."""
    end: int
    """One more than the last character."""


Extractor = Callable[[str], list[Mention]]
"""From a raw text to the concepts it names, none overlapping another, in no particular order."""


def concepts_in(text: str, extract: Extractor) -> frozenset[str]:
    """CUIs that ``text`` names."""
    return frozenset(mention.cui for mention in extract(text))


def make_extractor(pack: Any) -> Extractor:
    """Look up texts in ``pack``, a ``medcat.cat.CAT``. Of overlapping names the longest counts.

    MedCAT 2.9 overlooks the last token of a name when it removes overlaps, so it is asked for all names and we choose. Nothing
    is learnt from the texts, so the order in which they come does not matter.
    """
    pack.config.general.show_nested_entities = True
    pack.config.components.linking.train = False

    def extract(text: str) -> list[Mention]:
        found = pack.get_entities(text).get("entities", {})  # an empty text gives an empty answer
        return longest_mentions(
            [Mention(entity["cui"], tuple(entity["type_ids"]), entity["start"], entity["end"]) for entity in found.values()]
        )

    return extract


def build_pack(concepts: Sequence[Mapping[str, Any]]) -> Any:
    """Build a MedCAT pack (``medcat.cat.CAT``) from rows of the concept table.

    Names match whole words whatever their case, except that names shorter than four letters must stand in capitals (MedCAT's
    rule: ``CT``, not ``ct``). A name that several concepts share means the one with the smallest CUI.
    """
    import numpy as np
    import pandas as pd
    from medcat.cat import CAT
    from medcat.config import Config
    from medcat.model_creation.cdb_maker import CDBMaker
    from medcat.vocab import Vocab

    config = Config()
    config.general.nlp.provider = "regex"  # MedCAT's own tokenizer: no spaCy model is needed
    config.general.spell_check = False  # a misspelt finding is not a finding
    config.general.log_level = logging.ERROR
    config.cdb_maker.multi_separator = NAME_SEPARATOR
    config.components.ner.min_name_len = MINIMUM_NAME_LENGTH
    # Below every similarity: an untrained pack knows no context, and a match of the name has to be enough.
    config.components.linking.similarity_threshold = -1
    config.components.linking.train_count_threshold = -1

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
    return CAT(database, vocabulary)


def longest_mentions(mentions: Sequence[Mention]) -> list[Mention]:
    """Of overlapping ``mentions`` the longest, of equally long ones the first."""
    kept: list[Mention] = []
    for mention in sorted(mentions, key=lambda mention: (mention.start - mention.end, mention.start)):
        if all(mention.end <= other.start or other.end <= mention.start for other in kept):
            kept.append(mention)
    return kept


def concept_names(cui: str, name: str) -> list[str]:
    """Names by which a concept is looked for.

    They are its canonical name; that name in natural word order where the UMLS inverts it (``Hernia, Inguinal``), and without
    the words that make an organ a class of SNOMED CT (``Structure of sigmoid sinus``, ``Aortic arch structure``); the other
    number of each (``Nodules``, ``Chest Tube``); and the everyday names of modalities.
    """
    head, comma, rest = name.partition(", ")
    natural = [f"{rest} {head}"] if comma and "," not in rest else []
    plain = _CLASS_OF_ORGANS.sub("", name)
    organ = [plain] if plain != name and not _ADJECTIVE.search(plain) else []
    written = [name, *natural, *organ]
    inflected = [_other_number(text) for text in written if "," not in text]
    return list(dict.fromkeys([*written, *inflected, *SYNONYMS.get(cui, ())]))


_CLASS_OF_ORGANS: Final = re.compile(r"^(?:Bone )?[Ss]tructure of (?:the )?| structure(?: \(body structure\))?$")
_ADJECTIVE: Final = re.compile(r"(?:al|ar|ary|ic|ine)$")
"""What is left of ``Left atrial structure`` names no organ."""


def _other_number(name: str) -> str:
    """The plural of a singular and the reverse, by the ending alone; unchanged where the ending tells nothing (``pelvis``)."""
    if name.endswith(("ss", "us", "is", "as", "x", ")")) or not name[-1].isalpha() or name.isupper():
        return name
    if name.endswith("s"):
        return name[:-1]
    if name.endswith(("ch", "sh")):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") and name[-2] not in "aeiou" else f"{name}s"
