import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radtune.metrics.caption_tokens import caption_tokens
from radtune.metrics.preprocessing import normalise_caption

STANFORD = {
    "raw": "c0f918be5869494c8e9423cf1fb23a9e4fc75b3e8e71f77d536da04dbfe79bfa",
    "normalised": "998d349613b036c9ea5940df9d28a58fd12ed71193df71729e9f466adb7763ad",
}
"""SHA-256 of the tokens of the 302 captions, a caption a line, made with `java -cp stanford-corenlp-3.4.1.jar
edu.stanford.nlp.process.PTBTokenizer -preserveLines -lowerCase` of pycocoevalcap 1.2, its list of punctuation dropped."""


@pytest.mark.parametrize("text", ["raw", "normalised"])
def test_tokens_of_real_captions_equal_stanfords(real_captions: list[str], text: str) -> None:
    prepare = normalise_caption if text == "normalised" else str
    lines = "\n".join(" ".join(caption_tokens(prepare(caption))) for caption in real_captions)
    assert hashlib.sha256(lines.encode()).hexdigest() == STANFORD[text]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [  # outputs of the Java program
        ("Chest X-ray showing (green arrow).", "chest x-ray showing -lrb- green arrow -rrb-"),
        ("don't cannot it's patient’s T2's CT’s", "do n't can not it 's patient 's t2 's ct 's"),
        ("3.5 cm, 3,5 cm; 12/5/2010 5% $5 #3", "3.5 cm 3,5 cm 12/5/2010 5 % $ 5 # 3"),
        ("5-mm 10×5 mm 3x4 cm ½", "5-mm 10 × 5 mm 3x4 cm 1/2"),
        ("18.5cm 1.5T 1.5-T 1.5x2.5 T1.5 1.5-2.5 10:30am", "18.5 cm 1.5 t 1.5-t 1.5 x2 .5 t1 .5 1.5-2 .5 10:30 am"),
        ("at 5 a.m. in the U.S. and Dr. Smith et al. found Fig. 2.", "at 5 a.m. in the u.s. and dr. smith et al. found fig. 2"),
        ("Fig. The Fig. 2A, no. 5 No. The (Fig. 2)", "fig the fig. 2a no. 5 no the -lrb- fig. 2 -rrb-"),
        ("Axial CT. Renal Mass. A mass.", "axial ct. renal mass. a mass"),
        ("image A. Image B. The end A. panel", "image a. image b the end a. panel"),
        ("CT/MRI PET-CT/MRI 18F-FDG-PET/CT C1-C2/C3", "ct/mri pet-ct/mri 18f-fdg-pet/ct c1-c2 / c3"),
        ("a/b/c/d T1-/T2-weighted", "a/b/c / d t1 / t2-weighted"),
        ("T2*-weighted H&E a&B A+B CD4+", "t2 * weighted h&e a & b a+b cd4 +"),
        (">90% p<0.05 +/- -5 ±5 5°C", "> 90 % p < 0.05 + / -5 ± 5 5 ° c"),
        ("pre- and post-contrast a–b on–off mid…dle -- a--b", "pre and post-contrast a b on off mid dle a b"),
        ("“light beam” ‘a’ \"e\" 'f'", "light beam a e f"),
        ("T2.Axial word,next-to word,next Tumor.A end.2", "t2.axial word,next-to word next tumor.a end .2"),
        ("naïve β-blocker 10µm cm³ H₂O nº15 € £", "naïve β-blocker 10µm cm ³ h ₂ o nº15 $ #"),
        ("(1) [1,2] {c} Yes! What?! (A:)", "-lrb- 1 -rrb- -lsb- 1,2 -rsb- -lcb- c -rcb- yes what ?! -lrb- a :-rrb-"),
        ("http://x.com/a?b=1. x@y.com <b>bold</b>", "http://x.com/a?b=1 x@y.com <b> bold </b>"),
    ],
)  # fmt: skip
def test_conventions(text: str, tokens: str) -> None:
    assert " ".join(caption_tokens(text)) == tokens


@given(st.text())
def test_any_text_gives_tokens_without_white_space(text: str) -> None:
    tokens = caption_tokens(text)
    assert all(token and not any(character.isspace() for character in token) for token in tokens)


@given(st.lists(st.sampled_from(["chest", "ct", "x-ray", "3.5", "mm", "(", "arrow", "l4-l5", "t2", "number"])))
def test_tokens_do_not_depend_on_the_amount_of_white_space(words: list[str]) -> None:
    assert caption_tokens(" ".join(words)) == caption_tokens("  \n" + "\t ".join(words) + " ")
