"""Whether a folder is the checkpoint that a family can load, said before anything large is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from radtune.errors import WeightsError

_ANOTHER = "name a checkpoint of this family that transformers' own classes saved"


def check_checkpoint(folder: Path, model_type: str) -> None:
    """Raise :class:`WeightsError` unless ``folder`` holds a checkpoint of ``model_type`` as safetensors, without code."""
    try:
        config = orjson.loads((folder / "config.json").read_bytes())
    except OSError:
        raise WeightsError(f"{folder}: no config.json in it", _ANOTHER) from None
    except orjson.JSONDecodeError as error:
        raise WeightsError(f"{folder}: config.json is not JSON: {error}", _ANOTHER) from error
    if not isinstance(config, dict) or config.get("model_type") != model_type:
        found = config.get("model_type") if isinstance(config, dict) else None
        raise WeightsError(f"{folder}: config.json names the architecture {found}, not {model_type}", _ANOTHER)
    if "auto_map" in config:
        raise WeightsError(
            f"{folder}: config.json names code of the checkpoint's own (auto_map), which is never run",
            "if transformers knows the architecture, save the checkpoint again with its class; else name another",
        )
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(pattern))
        holds = f"only {pickled[0]}, a pickle, which could run code when it is read" if pickled else "no weights"
        raise WeightsError(f"{folder}: holds {holds}", "save the weights as safetensors, or name a revision that has them")


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Turn what the libraries raise over a broken checkpoint into one line. Raises :class:`WeightsError`."""
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WeightsError(f"{folder}: cannot be loaded: {first}", "delete it and fetch it again, or name another") from error


def check_complete(folder: Path, missing: Sequence[str]) -> None:
    """Raise :class:`WeightsError` if tensors of the network are missing: they would stay random without a word."""
    if missing:
        shown = ", ".join(sorted(missing)[:3])
        raise WeightsError(f"{folder}: lacks {len(missing)} tensors of the network, such as {shown}", _ANOTHER)


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in ``folder``. Raises :class:`WeightsError` if it knows no words: `transformers` makes one of special tokens
    alone, without a word, where the vocabulary is missing."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise WeightsError(f"{folder}: the tokenizer's vocabulary is missing", _ANOTHER)
    return tokenizer
