from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from radtune.models.sequences import IGNORED_LABEL, padded

PAD = 99
ids = st.lists(st.integers(0, 9), max_size=6)


@given(rows=st.lists(st.tuples(ids, ids), min_size=1, max_size=5))
def test_every_token_survives_padding(rows: list[tuple[list[int], list[int]]]) -> None:
    prompts, answers = [list(row[0]) for row in rows], [list(row[1]) for row in rows]
    batch = padded(prompts, answers, PAD)
    for index, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        mask = batch["attention_mask"][index].bool()
        assert batch["input_ids"][index][mask].tolist() == prompt + answer
        assert mask.tolist() == sorted(mask.tolist(), reverse=True)  # padded on the right
        assert (batch["input_ids"][index][~mask] == PAD).all()
        assert batch["labels"][index][: len(prompt)].tolist() == [IGNORED_LABEL] * len(prompt)
        learned = batch["labels"][index] != IGNORED_LABEL
        assert batch["labels"][index][learned].tolist() == answer


@given(prompts=st.lists(ids, min_size=1, max_size=5))
def test_prompts_end_together(prompts: list[list[int]]) -> None:
    batch = padded(prompts, None, PAD)
    assert set(batch) == {"input_ids", "attention_mask"}
    for index, prompt in enumerate(prompts):
        mask = batch["attention_mask"][index].bool()
        assert batch["input_ids"][index][mask].tolist() == prompt
        assert mask.tolist() == sorted(mask.tolist())  # padded on the left
