"""Greedy generation with the networks' own ``generate``."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from radtune.models.untyped import untyped


def greedy(
    network: nn.Module, inputs: dict[str, Tensor], maximum_new_tokens: int, end_id: int, pad_id: int, never: Sequence[int] = ()
) -> Tensor:
    """Token ids of prompt and continuation (the continuation alone, if ``inputs`` are embeddings), (rows, tokens).

    ``never`` are ids that may not be written, such as image placeholders. Whatever sampling a checkpoint's own generation
    settings ask for is overruled.
    """
    from transformers import GenerationConfig

    settings = untyped(GenerationConfig)(
        max_new_tokens=maximum_new_tokens,
        do_sample=False,
        num_beams=1,
        eos_token_id=end_id,
        pad_token_id=pad_id,
        suppress_tokens=list(never) or None,
    )
    ids: Tensor = untyped(network).generate(**inputs, generation_config=settings)
    return ids
