import pytest

from radtune.metrics.punkt import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        (" \n", []),
        ("Chest X-ray.", ["Chest X-ray."]),
        ("CT of the chest. A mass is seen.  No effusion!", ["CT of the chest.", "A mass is seen.", "No effusion!"]),
        ("A mass of 3.5 cm was seen by Dr. Smith.", ["A mass of 3.5 cm was seen by Dr. Smith."]),  # an abbreviation
        ("It was 3 p.m. in the U.S. at the time.", ["It was 3 p.m. in the U.S. at the time."]),
        ("ROI.T: Tumor.", ["ROI.T: Tumor."]),  # ROCO's style, and
        ("See Fig. 2 for the lesion.", ["See Fig.", "2 for the lesion."]),  # a figure: as NLTK's parameters have it
    ],
)
def test_sentences_are_those_of_nltk(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_the_tables_are_complete() -> None:
    from radtune.metrics.punkt import _english

    parameters = _english()._params
    sizes = [len(table) for table in (parameters.abbrev_types, parameters.collocations, parameters.sent_starters)]
    assert (sizes, len(parameters.ortho_context)) == ([156, 37, 39], 20_366)


def test_nothing_of_a_caption_is_lost(real_captions: list[str]) -> None:
    for caption in real_captions:
        assert "".join("".join(split_sentences(caption)).split()) == "".join(caption.split())
