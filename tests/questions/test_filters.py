"""Each filter on pairs that it must reject and pairs that it must let pass."""

from __future__ import annotations

import pytest

from radtune.config.questions import FilterSettings
from radtune.questions.filters import FILTERS, Candidate, content_words, reasons, sameness

CAPTION = "Axial CT of the abdomen showing a hypodense lesion in the left lobe of the liver, 3.2 cm, without gallstones."


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What does the CT show?", "A hypodense lesion."),
        ("Where is the lesion?", "In the left lobe of the liver."),
        ("In which plane is the image?", "Axial."),
        ("Which part of the body is shown?", "The abdomen."),
        ("Are there gallstones?", "No."),
    ],
)
def test_good_pairs_pass_every_filter(question: str, answer: str) -> None:
    assert reasons(Candidate(question, answer, CAPTION), FilterSettings()) == []


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("The lesion is in the liver.", "Liver.", "no_question"),
        ("", "The liver.", "no_question"),
        ("Where?", "The liver.", "no_question"),
        ("Where is the", "The liver.", "no_question"),
        ("Where is the lesion?", "", "empty_answer"),
        ("Where is the lesion?", "It is there.", "empty_answer"),
        ("Where is the lesion? " * 10, "The liver.", "too_long"),
        ("Where is the lesion?", "liver " * 41, "too_long"),
        ("Where is the lesion?", "In the spleen.", "unsupported"),
        ("What is the diagnosis?", "Metastasis of colon cancer.", "unsupported"),
        ("Are there gallstones?", "Yes.", "unsupported"),
        ("What does the MRI show?", "A hypodense lesion.", "false_premise"),
        ("Is the spleen enlarged?", "No.", "false_premise"),
        ("What is the hypodense lesion?", "A hypodense lesion.", "leak"),
        ("Is the lesion hypodense or in the left lobe?", "Hypodense.", "leak"),
        ("What is the size of the lesion?", "Left lobe.", "measure"),
        ("How large is the lesion?", "A hypodense lesion.", "measure"),
        ("What does the CT show?", "A lesion, 3.2 cm.", "measure"),
        ("What does the CT show?", "A 3 x 4 lesion.", "measure"),
        ("How old is the patient?", "Abdomen.", "date_or_history"),
        ("When was the CT made?", "27 January 2020.", "date_or_history"),
        ("What does the CT show?", "A lesion in a 45-year-old man.", "date_or_history"),
        ("What does the CT show?", "A lesion two weeks after surgery.", "date_or_history"),
        ("What is the history?", "A lesion.", "date_or_history"),
        ("Where is the lesion?", "I'm sorry, the liver.", "refusal"),
        ("Where is the lesion?", "As an AI I see the liver.", "refusal"),
        ("Where is the lesion?", "The lobe is not mentioned.", "refusal"),
        ("What does the caption say?", "A hypodense lesion.", "about_the_text"),
        ("According to the text, where is the lesion?", "In the liver.", "about_the_text"),
        ("What is the most common lesion of the liver?", "Hypodense.", "not_visual"),
        ("What is the treatment of the lesion?", "The liver.", "not_visual"),
    ],
)
def test_bad_pairs_get_the_reason(question: str, answer: str, expected: str) -> None:
    assert expected in reasons(Candidate(question, answer, CAPTION), FilterSettings())


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("At which level is the disc herniation?", "At the L4-L5 level."),
        ("Up to which level does the hyperintensity reach?", "T12."),
        ("Which weighting does the MRI have?", "T2-weighted."),
    ],
)
def test_levels_and_weightings_are_no_measures_or_dates(question: str, answer: str) -> None:
    caption = "Sagittal T2-weighted MRI with hyperintensity up to T12 and a disc herniation at L4-L5."
    assert not {"measure", "date_or_history"} & set(reasons(Candidate(question, answer, caption), FilterSettings()))


def test_a_pair_cut_off_by_the_token_limit_is_rejected_unless_its_sentence_ended() -> None:
    question = "Where is the lesion?"
    assert reasons(Candidate(question, "In the left", CAPTION, cut_off=True), FilterSettings()) == ["cut_off"]
    assert reasons(Candidate(question, "In the left lobe.", CAPTION, cut_off=True), FilterSettings()) == []


def test_settings_decide_about_measures_dates_and_thresholds() -> None:
    lenient = FilterSettings(
        drop_measures=False, drop_dates=False, minimum_support=0.0, maximum_leak=1.0, maximum_answer_words=100
    )
    assert reasons(Candidate("What is the size on 3 May 2020?", "3.2 cm.", CAPTION), lenient) == []
    invented = Candidate("What does the CT show?", "A lesion in the left kidney.", CAPTION)  # two words of three
    assert reasons(invented, FilterSettings(minimum_support=0.6)) == []
    assert reasons(invented, FilterSettings()) == ["unsupported"]


def test_every_filter_explains_itself() -> None:
    assert all(check.__doc__ for check in FILTERS)
    assert len({check.__name__ for check in FILTERS}) == len(FILTERS)


def test_words_are_compared_without_case_punctuation_and_plural() -> None:
    assert content_words("The Gallstones, mass and ABSCESS.") == {"gallstone", "mass", "abscess"}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (("Where is the lesion?", "Left."), ("where is the  Lesion ?", "Right."), True),
        (("What does the CT show?", "A mass."), ("What is the CT scan showing?", "Mass"), True),
        (("What does the CT show?", "A mass."), ("What is the CT scan showing?", "A cyst."), False),
        (("Where is the lesion?", "In the liver."), ("What is the lesion?", "A cyst."), False),
    ],
)
def test_duplicates_are_known_by_their_words_or_by_their_content(
    first: tuple[str, str], second: tuple[str, str], same: bool
) -> None:
    assert bool(sameness(*first) & sameness(*second)) == same
