"""Let a language model write question–answer pairs from captions; keep every raw reply."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson

from radtune.artifacts.digests import canonical_json, text_digest
from radtune.artifacts.io import atomic_path, read_rows, write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.kinds.llm_replies import LLM_REPLIES
from radtune.artifacts.provenance import provenance
from radtune.config.questions import QuestionSettings
from radtune.errors import ServerError
from radtune.progress import progress
from radtune.questions.backends.contract import Backend, Reply
from radtune.questions.prompts import PROMPT_VERSION, Message, question_prompt
from radtune.questions.restricted import refuse_to_send


def write_questions(
    captions: Path,
    output: Path,
    *,
    settings: QuestionSettings,
    seed: int,
    weights_cache: Path,
    server_log: Path | None = None,
) -> None:
    """Ask the model of ``settings`` for questions about every caption of ``settings.splits``; write ``llm_replies``.

    Raises :class:`DataError`, before anything is sent, if a restricted caption would leave for a server elsewhere. A server that
    this step starts itself (``settings.server_command``) writes to ``server_log``, or beside ``output``.

    Identical captions are asked once. Replies are saved batch by batch in ``<output>.partial``, which a run that was interrupted
    finds again and a finished one removes. Raises :class:`ServerError` if a server stays away or no reply at all can be used.
    """
    rows = read_rows(captions, CAPTIONS, ["item_id", "split", "caption", "restricted"])
    asked = [row for row in rows if row["split"] in settings.splits]
    items = sorted((row for row in asked if row["caption"]), key=lambda row: row["item_id"])
    refuse_to_send(sum(row["restricted"] for row in items), settings)

    requests = {row["item_id"]: question_prompt(row["caption"], settings.pairs_per_caption) for row in items}
    sampling = {"temperature": settings.temperature, "maximum_new_tokens": settings.maximum_new_tokens, "seed": seed}
    # Short captions first: a batch pads all its prompts to the longest, and the back end's time goes with that.
    by_length = sorted(items, key=lambda row: (len(row["caption"]), row["item_id"]))
    partial = output.with_name(f"{output.name}.partial")
    with _opened_backend(settings, seed, weights_cache, server_log or output.with_suffix(".server.log")) as backend:
        digests = {item_id: _request_digest(backend, prompt, sampling) for item_id, prompt in requests.items()}
        unique = {digests[row["item_id"]]: requests[row["item_id"]] for row in by_length}
        replies = _ask_all(backend, unique, partial, settings.batch_size)
    failed = [reply for reply in replies.values() if reply.finish_reason == "error"]
    if failed and len(failed) == len(replies):
        raise ServerError(
            f"{backend.endpoint}: none of {len(failed)} answers could be used; the first: {failed[0].text[:200]}",
            "check that questions.endpoint is a server of the kind questions.backend names",
        )

    record = provenance(
        __name__,
        settings,
        seed,
        inputs={"captions": captions},
        notes={"prompt_version": PROMPT_VERSION, "model_digest": backend.model_digest, "requests": len(replies)},
    )
    dropped = {"other_split": len(rows) - len(asked), "no_caption": len(asked) - len(items)}
    write(
        output,
        LLM_REPLIES,
        (
            {
                "item_id": item_id,
                "request_sha256": digests[item_id],
                "prompt_version": PROMPT_VERSION,
                "prompt": canonical_json(prompt),
                "reply": replies[digests[item_id]].text,
                "backend": settings.backend,
                "endpoint": backend.endpoint,
                "model": backend.model,
                "model_digest": backend.model_digest,
                "finish_reason": replies[digests[item_id]].finish_reason,
                "seconds": replies[digests[item_id]].seconds,
            }
            for item_id, prompt in requests.items()
        ),
        record,
        rows_in=len(rows),
        dropped={reason: count for reason, count in dropped.items() if count},
    )
    shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _opened_backend(settings: QuestionSettings, seed: int, weights_cache: Path, server_log: Path) -> Iterator[Backend]:
    """The back end of ``settings``, and during the block its server if it has one of its own."""
    if settings.server_command is None:
        yield _open_backend(settings, seed, weights_cache)
        return
    from radtune.questions.server import running_server

    with running_server(settings, server_log) as url:
        backend = _open_backend(settings.model_copy(update={"endpoint": url}), seed, weights_cache)
        # The port is another each time; what makes a reply is the command.
        yield replace(backend, endpoint=shlex.join(settings.server_command))


def _open_backend(settings: QuestionSettings, seed: int, weights_cache: Path) -> Backend:
    """The back end of ``settings``; only its own libraries are imported."""
    if settings.backend == "local":
        from radtune.questions.backends.local import local_backend

        return local_backend(settings, seed, weights_cache)
    from radtune.questions.backends.servers import ollama_backend, openai_backend

    return ollama_backend(settings, seed) if settings.backend == "ollama" else openai_backend(settings, seed)


def _request_digest(backend: Backend, prompt: list[Message], sampling: dict[str, Any]) -> str:
    """SHA-256 of everything a reply depends on."""
    request = [backend.endpoint, backend.model, backend.model_digest, prompt, sampling]
    return text_digest(canonical_json(request))


def _ask_all(backend: Backend, requests: dict[str, list[Message]], partial: Path, batch_size: int) -> dict[str, Reply]:
    """Replies by request digest, batch by batch; batches found in ``partial`` are not asked again.

    The batches are cut from all requests, not from what is left, so that a resumed run asks the same batches.
    A batch with an unusable answer is not saved: the server may have been mended before the next run.
    """
    digests = list(requests)
    batches = [digests[start : start + batch_size] for start in range(0, len(digests), batch_size)]
    replies: dict[str, Reply] = {}
    for batch in progress(batches, "questions", unit="batch"):
        saved = partial / f"{text_digest(''.join(batch))}.json"
        if saved.is_file():
            written = [Reply(**reply) for reply in orjson.loads(saved.read_bytes())]
        else:
            written = backend.ask([requests[digest] for digest in batch])
            if all(reply.finish_reason != "error" for reply in written):
                with atomic_path(saved) as temporary:
                    temporary.write_bytes(orjson.dumps([asdict(reply) for reply in written]))
        replies.update(zip(batch, written, strict=True))
    return replies
