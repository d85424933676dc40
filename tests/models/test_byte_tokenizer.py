from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from radtune.models.byte_tokenizer import byte_tokenizer

TOKENIZER = byte_tokenizer(("<a>", "<b>"))


@given(text=st.text(max_size=40).filter(lambda text: "<a>" not in text and "<b>" not in text))
def test_every_text_survives(text: str) -> None:
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert len(ids) == len(text.encode())
    assert TOKENIZER.decode(ids) == text


def test_special_tokens_are_one_token_and_left_out_of_text() -> None:
    ids = TOKENIZER("x<a>y<b>", add_special_tokens=False)["input_ids"]
    assert ids[1] == TOKENIZER.convert_tokens_to_ids("<a>") == 256
    assert ids[3] == TOKENIZER.convert_tokens_to_ids("<b>") == 257
    assert len(TOKENIZER) == 258
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == "xy"
