import pytest

from radtune.metrics.token_f1 import TokenOverlap, normalise_words, token_overlap


@pytest.mark.parametrize(
    ("text", "words"),
    [  # outputs of LLaVA-Med's normalize_word, but for contractions
        ("The left lung.", ["left", "lung"]),
        ("x-ray", ["x", "ray"]),
        ("x-ray - lateral", ["xray", "lateral"]),
        ("3.5 cm, none", ["3.5", "cm", "0"]),
        ("1,000 (two)", ["1000", "2"]),
        ("don't", ["don't"]),
        ("...", []),
    ],
)
def test_words_are_normalised_as_by_vqa(text: str, words: list[str]) -> None:
    assert normalise_words(text) == words


@pytest.mark.parametrize(
    ("prediction", "reference", "overlap"),
    [
        ("left lower lobe", "the left lower lobe", TokenOverlap(1, 1, 1)),
        ("It is in the left lung", "left lung", TokenOverlap(2 / 5, 1, 4 / 7)),
        ("left", "left lung", TokenOverlap(1, 1 / 2, 2 / 3)),
        ("left left left", "left lung", TokenOverlap(1, 3 / 4, 6 / 7)),  # a hit counts as often as it is said
        ("right", "left", TokenOverlap(0, 0, 0)),
        ("", "left", TokenOverlap(0, 0, 0)),
        ("the", "a", TokenOverlap(0, 0, 0)),
    ],
)
def test_overlap(prediction: str, reference: str, overlap: TokenOverlap) -> None:
    assert token_overlap(prediction, reference) == pytest.approx(overlap)
