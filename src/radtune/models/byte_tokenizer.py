"""The vocabulary of tiny models: 256 bytes and a few special tokens, nothing trained, nothing downloaded."""

from __future__ import annotations

from typing import Any

from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from radtune.models.untyped import untyped


def byte_tokenizer(special_tokens: tuple[str, ...]) -> Any:
    """A fast transformers tokenizer with one token a UTF-8 byte, ids 0 to 255 (in the order of the byte-level alphabet), and
    then the special tokens. Every text survives encoding and decoding."""
    from transformers import PreTrainedTokenizerFast

    vocabulary = {symbol: index for index, symbol in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special_tokens])
    return untyped(PreTrainedTokenizerFast)(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False)
