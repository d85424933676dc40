"""A language model in this process, by transformers: batches padded on the left, bfloat16."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from radtune.artifacts.digests import canonical_json, file_digest, text_digest
from radtune.config.questions import QuestionSettings
from radtune.questions.backends.contract import Backend, Reply
from radtune.questions.backends.tiny import tiny_language_model
from radtune.questions.prompts import Message
from radtune.weights.checkpoint_folder import check_complete, load_tokenizer, reading
from radtune.weights.fetch import fetch
from radtune.weights.gguf import dequantised
from radtune.weights.source import parse_source


def local_backend(settings: QuestionSettings, seed: int, weights_cache: Path) -> Backend:
    """The model of ``settings.model``: a GGUF file (de-quantised once), a checkpoint folder, or ``tiny:``."""
    torch.set_num_threads(settings.threads)
    model, tokenizer, digest = _load(settings, seed, weights_cache)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.to(device).eval()
    sampling: dict[str, Any] = {"do_sample": False}
    if settings.temperature > 0:
        sampling = {"do_sample": True, "temperature": settings.temperature}

    @torch.inference_mode()
    def ask(prompts: Sequence[Sequence[Message]]) -> list[Reply]:
        start = time.monotonic()
        # Each batch has its own seed, so that a resumed run draws what an undisturbed one would.
        torch.manual_seed(int(text_digest(f"{seed}:{canonical_json(list(prompts))}")[:15], 16))
        batch = tokenizer.apply_chat_template(
            [list(messages) for messages in prompts],
            add_generation_prompt=True,
            padding=True,
            return_tensors="pt",
            return_dict=True,
        ).to(device)
        output = model.generate(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            max_new_tokens=settings.maximum_new_tokens,
            pad_token_id=tokenizer.pad_token_id,
            **sampling,
        )
        new = output[:, batch["input_ids"].shape[1] :]
        ended = (new == tokenizer.eos_token_id).any(dim=1).tolist()
        texts = tokenizer.batch_decode(new, skip_special_tokens=True)
        seconds = (time.monotonic() - start) / len(prompts)
        return [Reply(text, "stop" if stop else "length", seconds) for text, stop in zip(texts, ended, strict=True)]

    return Backend(settings.model, settings.model, digest, ask)


def _load(settings: QuestionSettings, seed: int, weights_cache: Path) -> tuple[Any, Any, str]:
    """Model, tokenizer and the digest of the weights."""
    from transformers import AutoModelForCausalLM

    if parse_source(settings.model).scheme == "tiny":
        model, tokenizer = tiny_language_model(seed)
        return model, tokenizer, f"tiny:{seed}"
    path = fetch(settings.model, weights_cache, settings.sha256)
    digest = file_digest(path) if path.is_file() else _folder_digest(path)
    folder = dequantised(path, weights_cache) if path.is_file() else path
    with reading(folder):
        tokenizer = load_tokenizer(folder)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.bfloat16, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    model, found = loaded
    check_complete(folder, found["missing_keys"])
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer, digest


def _folder_digest(folder: Path) -> str:
    """SHA-256 over names and digests of a checkpoint's weight files."""
    return text_digest("".join(f"{path.name} {file_digest(path)}\n" for path in sorted(folder.glob("*.safetensors"))))
