"""Tokens of captions for BLEU, CIDEr and METEOR: those of COCO's evaluation code, without its Java.

``pycocoevalcap`` runs Stanford's ``PTBTokenizer`` (CoreNLP 3.4.1, Penn Treebank conventions, lower case) and drops punctuation.
This module follows the same conventions, written from the tokenizer's observed output. Like there, brackets become ``-lrb-`` and
``-rrb-`` and are kept: the list of dropped tokens names them in capitals only.

Left out, because captions hardly have them: telephone numbers, HTML tags and entities across white space, emoji.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from sys import intern
from typing import Final

from radtune.config.metrics import CaptionText
from radtune.metrics.contract import Sample
from radtune.metrics.preprocessing import NORMALISATION, normalise_caption

Tokens = tuple[str, ...]

TOKENISATION: Final = "Penn Treebank tokens of CoreNLP 3.4.1 in lower case, punctuation dropped (own implementation)"
"""Its name in signatures."""

_LETTER = r"[^\W\d_²³¹¼-¾⁰-₎⅐-↉①-⓿]"
_ALPHANUMERIC = rf"(?:{_LETTER}|[\d\u0300-\u036f])"
_ELIDED = r"(?:[dDlLoO]'(?=[A-Za-z]{2}))?"

_KEEP_PERIOD = (
    "adj adm adv al ala alex apr ariz assn assoc asst atty aug ave bhd bldg blvd brig bros calif capt cf cie cmdr co col "
    "colo comdr conn corp cos cpl ct dak dec dept det dr drs elec ens esq est etc ext feb fla fri ft ga gen gov govs hon "
    "inc ind insp intl invt jan jos jr jul jun kan kans ky lieut lt ltd maj mar md messrs mfg mich minn mlle mme mo mon "
    r"mont mr mrs ms msgr mt mtg natl neb nev nov oct okla penn pfc ph ph\.d plc pres prof profs pte pty pvt rd rep reps rev "
    "rt sen sens sep sept seq sfc sgt spc sq sr st ste supt sys tel tenn thu thurs tue tues univ va vs vt wed wis wisc wm "
    "wyo"
).replace(" ", "|")
"""Abbreviations whose period is part of the token. Many are American states, so that ``CT.`` is one too."""
_KEEP_PERIOD_IF_CAPITAL = "Ark|Az|Del|Ill|La|Mass|Miss|Ore|Pa|Tex|Wash|ARK|AZ|DEL|ILL|LA|MASS|MISS|ORE|PA|TEX|WASH"
_KEEP_PERIOD_BEFORE_DIGIT = "art|ca|figs?|nos?|op|pp|prop"
_STARTS_SENTENCE = (
    "A About According Additionally After An As At But Earlier He Her Here However If In It Last Many More Now Once One Other "
    "Our Since So Some Such That The Their Then There These They This We What When While Yet You"
).replace(" ", "|")
"""Words before which the period after a single letter ends a sentence (``image B. The lesion``)."""

_TOKENS: Final = [
    re.compile(pattern)
    for pattern in (
        rf"{_LETTER}{_ALPHANUMERIC}*(?:[.!?]{_LETTER}{_ALPHANUMERIC}*)*",  # lesion, T2.Axial
        rf"{_ELIDED}{_ALPHANUMERIC}+(?:[-_‐‑]{_ELIDED}{_ALPHANUMERIC}+)*",  # ill-defined, 20-year-old, 5-mm
        r"[A-Za-z0-9][A-Za-z0-9.,]*(?:-[A-Za-z0-9]+)+",  # 1.5-T
        r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}",  # PET/CT, 12/5/2010
        r"[A-Z]+(?:[+&][A-Z]+)+",  # H&E
        r"[A-Za-z](?:\.[A-Za-z])+\.?",  # i.v.
        rf"[A-Za-z]\.(?!\s+(?:{_STARTS_SENTENCE})(?:\s|$))",  # A.
        rf"(?i:{_KEEP_PERIOD})\.",
        rf"(?:{_KEEP_PERIOD_IF_CAPITAL})\.",
        rf"(?i:{_KEEP_PERIOD_BEFORE_DIGIT})\.(?=\s*\d)",  # Fig. 2
        r"[-+]?(?:\d*(?:[.:,]\d+)+|\d+)",  # 3.5, -5, 10:30
        r"\d+-\d+/\d+|[¹²³⁰-⁹]+|[₀-₉]+",
        r"(?i:'(?:s|m|d|ll|ve|re|\d0s))(?![A-Za-z])",  # the second half of it's
        r"[:;=]-?[()DPdp](?![A-Za-z0-9])",  # a smiley: two tokens would be right, but the original sees one in "(A:)"
        r"(?:https?://|www\.)[^\s\"<>|()]+[^\s\"<>|().,:;!?]|[\w.-]+@[\w-]+\.[\w.-]*\w",
        r"</?[A-Za-z!?][^<>\s]*>",
        r"[?!]{2,}",
        r"\*+|#+|<<|>>|_+",
        r"[#@][A-Za-z]\w*",
    )
]
"""Of the patterns that match at a place the longest makes the token; every other character is a token of its own."""

_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9]+(?=\s|$)")
"""Most tokens; no pattern matches more at such a place."""
_NOT: Final = re.compile(r"'[tT](?![A-Za-z])")
_UNHEARD = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")

_DROPPED: Final = frozenset("'`‘’‚‛“”\"«».,:;?!-–—―‒…")
"""Quotes, dashes, stops. Runs of question and exclamation marks are kept, as in the original."""
_WRITTEN: Final = {
    "(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-",
    "€": "$", "£": "#", "¢": "cents", "½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3",
}  # fmt: skip
_SPLIT: Final = {
    "cannot": ("can", "not"),
    "gonna": ("gon", "na"),
    "gotta": ("got", "ta"),
    "wanna": ("wan", "na"),
    "gimme": ("gim", "me"),
    "lemme": ("lem", "me"),
}


def tokenise_pairs(samples: Sequence[Sample], text: CaptionText) -> list[tuple[Tokens, Tokens]]:
    """Tokens of each sample's prediction and reference, after the normalisation that ``text`` names."""
    prepare = normalise_caption if text == "normalised" else str
    return [(caption_tokens(prepare(sample.prediction)), caption_tokens(prepare(sample.reference))) for sample in samples]


def describe_text(text: CaptionText) -> str:
    """What :func:`tokenise_pairs` does, for signatures."""
    return f"{NORMALISATION if text == 'normalised' else 'raw'}; then {TOKENISATION}"


@lru_cache(maxsize=1 << 17)  # the references of all arms, and the same texts in several metrics
def caption_tokens(text: str) -> Tokens:
    """Lower-case Penn Treebank tokens of ``text``, without punctuation but with brackets."""
    text = _UNHEARD.sub("", text).replace("’", "'")
    tokens: list[str] = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        token = _token_at(text, place)
        place += len(token)
        if token not in _DROPPED:
            tokens += _SPLIT.get(token.lower()) or [_written(token)]
    return tuple(tokens)


def _token_at(text: str, place: int) -> str:
    """The token that begins at ``place``, as it stands in the text."""
    if plain := _PLAIN_WORD.match(text, place):
        return plain[0]
    end = max((found.end() for pattern in _TOKENS if (found := pattern.match(text, place))), default=place + 1)
    if text[end - 1] in "nN" and _NOT.match(text, end):  # don't is do + n't
        return text[place : end - 1] if end - 1 > place else text[place : end + 2]
    return text[place:end]


def _written(token: str) -> str:
    """A token as the original writes it; a bracket within a token (a smiley) is written out too."""
    return intern("".join(_WRITTEN.get(character, character) for character in token).lower())
