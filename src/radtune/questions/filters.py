"""One function a reason to reject a question–answer pair. Each says True if the pair is to be rejected.

The rules follow MedM: a question must be answerable from the image, its answer must come from the caption, and neither
measurements nor history nor the text itself may be its subject. They are lexical on purpose: cheap, the same on every machine,
and readable in a report.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from radtune.config.questions import FilterSettings


@dataclass(frozen=True)
class Candidate:
    """A pair with what it is judged by."""

    question: str
    answer: str
    caption: str
    cut_off: bool = False
    """The reply ended here at its token limit."""


_FUNCTION_WORDS = (
    "a an and any are as at be been but by can could demonstrate demonstrated demonstrates demonstrating depicted depicts"
    " did do does for from had has have how in into is it its may might of on or reveal revealed revealing reveals seen"
    " show showing shown shows so some than that the their there these this those to visible was were what when where"
    " which who why will with would"
)
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that carry no finding: they count neither for support nor for leakage."""

_GENERIC_WORDS = (
    "abnormality area body finding feature image imaging kind level location modality organ part picture plane position"
    " projection radiology region scan side structure type view"
)
GENERIC_WORDS = frozenset(_GENERIC_WORDS.split())
"""Words that a question about any image may use, whatever its caption says."""

_WORD = re.compile(r"[a-z0-9]+(?:[.,]\d+)?")
_MEASURE = re.compile(
    r"\d\s*(?:mm|cm|ml|cc|kg|hu|degrees?|percent|%|°|litres?|liters?|inch(?:es)?)(?![a-z])"
    r"|\d\s*m(?![a-z])|\d\s*[x×]\s*\d"
    r"|\bhow (?:large|big|long|wide|thick|tall|deep|small|much)\b"
    r"|\b(?:size|diameter|length|width|thickness|volume|dimensions?|measurements?|measur(?:e[sd]?|ing))\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:19|20)\d\d\b|\b(?:january|february|april|june|july|august|september|october|november|december)\b"
    r"|\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten)[- ]?(?:year|month|week|day|hour)s?\b"
    r"|\b(?:day|week|month|year) \d+\b|\b(?:years?|months?|weeks?|days?)[- ](?:old|ago|later|after|before)\b"
    r"|\bhow (?:old|many (?:years|months|weeks|days))\b|\bwhen (?:was|were|did|is)\b|\bwhat (?:date|day|year|time)\b"
    r"|\bage[ds]?\b|\bhistory\b|\bprevious(?:ly)?\b|\bprior to\b|\bpresent(?:ed|ing|s) with\b|\bfollow-?up\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\bas an? (?:ai|language model|assistant)\b|\bi(?:['’]?m| am) sorry\b|\bi (?:cannot|can['’]t|am unable|do not|don['’]t)\b"
    r"|\bcannot (?:be )?(?:determined?|answer(?:ed)?)\b|\bnot enough information\b|\bunknown\b|\bn/a\b"
    r"|\bnot (?:mentioned|provided|specified|stated|given|described|available|known|clear)\b",
    re.IGNORECASE,
)
_TEXT_ITSELF = re.compile(
    r"\b(?:the|this|above|given|provided) (?:caption|text|description|passage|article|paper|context|sentence|statement|legend)\b"
    r"|\baccording to\b|\b(?:caption|author|authors)\b",
    re.IGNORECASE,
)
_NOT_VISUAL = re.compile(
    r"\bmost common\b|\btreat(?:ment|ed|able)?\b|\btherapy\b|\bsymptoms?\b|\bprognosis\b|\bused (?:to|for)\b|\bdefin(?:e|ition)\b"
    r"|\bwhat causes?\b|\bcauses? of\b|\brisk factors?\b|\bstand for\b|\bname of the patient\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(?:no|not|without|absent|absence|negative|never|nor|neither|unremarkable)\b", re.IGNORECASE)


def content_words(text: str) -> set[str]:
    """Lower-case words of ``text`` that carry content, plural s removed."""
    words = (word for word in _WORD.findall(text.lower()) if word not in FUNCTION_WORDS)
    return {word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in words}


def share_within(words: set[str], text: str) -> float:
    """Share of ``words`` that stand in ``text``; 1 if there are none."""
    return len(words & content_words(text)) / len(words) if words else 1.0


def no_question(pair: Candidate, _: FilterSettings) -> bool:
    """No question mark at the end, or fewer than three words."""
    return not pair.question.endswith("?") or len(pair.question.split()) < 3


def empty_answer(pair: Candidate, _: FilterSettings) -> bool:
    """Nothing but function words and punctuation."""
    return not content_words(pair.answer)


def cut_off(pair: Candidate, _: FilterSettings) -> bool:
    """The token limit cut the reply within this pair."""
    return pair.cut_off and not pair.answer.rstrip().endswith((".", "!", ")"))


def too_long(pair: Candidate, settings: FilterSettings) -> bool:
    """More words than the settings allow."""
    return (
        len(pair.question.split()) > settings.maximum_question_words or len(pair.answer.split()) > settings.maximum_answer_words
    )


def unsupported(pair: Candidate, settings: FilterSettings) -> bool:
    """Too few of the answer's content words stand in the caption.

    Yes and no stand in no caption. Then the caption must hold a negation for a no and none for a yes (that the question's words
    stand there, :func:`false_premise` sees to): too strict rather than too lenient, for nothing later finds a wrong polarity.
    """
    words = content_words(pair.answer)
    if words <= {"yes", "no"} and words:
        return bool(_NEGATION.search(pair.caption)) != (words == {"no"})
    return share_within(words, pair.caption) < settings.minimum_support


def false_premise(pair: Candidate, settings: FilterSettings) -> bool:
    """The question takes for granted what the caption does not say: "What does the MRI show?" about a CT."""
    words = content_words(pair.question) - GENERIC_WORDS
    return share_within(words, pair.caption) < settings.minimum_support


def leak(pair: Candidate, settings: FilterSettings) -> bool:
    """Too many of the answer's content words already stand in the question."""
    words = content_words(pair.answer)
    return bool(words) and share_within(words, pair.question) > settings.maximum_leak


def measure(pair: Candidate, settings: FilterSettings) -> bool:
    """About a measurement: a number with a unit, or a question for a size."""
    return settings.drop_measures and bool(_MEASURE.search(f"{pair.question}\n{pair.answer}"))


def date_or_history(pair: Candidate, settings: FilterSettings) -> bool:
    """About a date, an age or the patient's history: no image shows it."""
    return settings.drop_dates and bool(_DATE.search(f"{pair.question}\n{pair.answer}"))


def refusal(pair: Candidate, _: FilterSettings) -> bool:
    """The model declines or says that it does not know."""
    return bool(_REFUSAL.search(f"{pair.question}\n{pair.answer}"))


def about_the_text(pair: Candidate, _: FilterSettings) -> bool:
    """Speaks of the caption instead of the image."""
    return bool(_TEXT_ITSELF.search(f"{pair.question}\n{pair.answer}"))


def not_visual(pair: Candidate, _: FilterSettings) -> bool:
    """Asks for textbook knowledge, not for what the image shows."""
    return bool(_NOT_VISUAL.search(pair.question))


FILTERS: tuple[Callable[[Candidate, FilterSettings], bool], ...] = (
    no_question,
    empty_answer,
    cut_off,
    too_long,
    unsupported,
    false_premise,
    leak,
    measure,
    date_or_history,
    refusal,
    about_the_text,
    not_visual,
)
"""Every filter; a function's name is the reason it gives. Duplicates need the other pairs and are found by the step."""


def reasons(pair: Candidate, settings: FilterSettings) -> list[str]:
    """All reasons to reject ``pair``, in the order of :data:`FILTERS`."""
    return [check.__name__ for check in FILTERS if check(pair, settings)]


def sameness(question: str, answer: str) -> set[str]:
    """What a pair shares with its duplicates: the question's words, or the content of question and answer in other clothes.

    "What does the CT show?" and "What is the CT showing?" are one question if their answers agree; with other answers ("Where is
    the lesion?", "What is the lesion?") they are two.
    """
    content = (sorted(content_words(question) - GENERIC_WORDS), sorted(content_words(answer)))
    return {" ".join(_WORD.findall(question.lower())), str(content)}
