"""Language models behind HTTP: Ollama, and everything that speaks OpenAI's protocol."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
import ollama
import openai
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from radtune.config.questions import QuestionSettings
from radtune.errors import ServerError
from radtune.questions.backends.contract import Backend, Reply
from radtune.questions.prompts import Message

Result = TypeVar("Result")

CLIENT_FAULTS = {401, 403, 404, 405}
"""HTTP statuses that no other prompt would change: wrong key, address or model."""


class UnusableAnswer(Exception):
    """The server answered, but not with a reply of a language model."""


def ollama_backend(settings: QuestionSettings, seed: int) -> Backend:
    """An Ollama server. Raises :class:`ServerError` if it is down or lacks the model."""
    endpoint = str(settings.endpoint)
    client = ollama.Client(endpoint, timeout=settings.timeout_seconds, trust_env=_heeds_proxies(settings))
    options = {"temperature": settings.temperature, "num_predict": settings.maximum_new_tokens, "seed": seed}

    def send(messages: Sequence[Message]) -> tuple[str, str | None]:
        response = client.chat(model=settings.model, messages=messages, options=options)
        if response.message.content is None or not response.done:
            raise UnusableAnswer("no message, or an unfinished one")
        return response.message.content, response.done_reason

    try:
        models = _with_retries(client.list, settings).models
    except (UnusableAnswer, ollama.ResponseError) as error:
        raise ServerError(f"{endpoint}: does not answer like Ollama: {error}", "correct questions.endpoint") from error
    digests = {model.model: model.digest for model in models}
    digest = digests.get(settings.model) or digests.get(f"{settings.model}:latest")
    if digest is None:
        raise ServerError(f"{endpoint}: Ollama has no model {settings.model!r}", f"run `ollama pull {settings.model}` there")
    return Backend(endpoint, settings.model, digest, _batched(send, settings))


def openai_backend(settings: QuestionSettings, seed: int) -> Backend:
    """A server with OpenAI's protocol (vLLM, llama.cpp, SGLang, OpenAI …); the key comes from the environment."""
    client = openai.OpenAI(
        base_url=settings.endpoint,
        api_key=os.environ.get(settings.api_key_variable) or "none",  # servers of one's own want some key, and ignore it
        timeout=settings.timeout_seconds,
        max_retries=0,  # retried below, alike for both protocols
        http_client=openai.DefaultHttpxClient(trust_env=_heeds_proxies(settings)),
    )

    def send(messages: Sequence[Message]) -> tuple[str, str | None]:
        completion: Any = client.chat.completions.create(
            model=settings.model,
            messages=list(messages),  # type: ignore[arg-type]
            temperature=settings.temperature,
            max_tokens=settings.maximum_new_tokens,
            seed=seed,
        )
        choice = completion.choices[0]
        if not isinstance(choice.message.content, str):
            raise UnusableAnswer("a completion without text")
        return choice.message.content, choice.finish_reason

    return Backend(str(settings.endpoint), settings.model, "", _batched(send, settings))


def _heeds_proxies(settings: QuestionSettings) -> bool:
    """A server of the job's own is asked directly, whatever proxy the environment names."""
    return settings.server_command is None


def _batched(
    send: Callable[[Sequence[Message]], tuple[str, str | None]], settings: QuestionSettings
) -> Callable[[Sequence[Sequence[Message]]], list[Reply]]:
    """Turn ``send``, which asks one chat, into one that keeps ``batch_size`` requests in flight and returns replies in order."""

    def ask_one(messages: Sequence[Message]) -> Reply:
        start = time.monotonic()
        try:
            text, reason = _with_retries(lambda: send(messages), settings)
        except (UnusableAnswer, ollama.ResponseError, openai.APIStatusError) as error:
            return Reply(f"{type(error).__name__}: {error}", "error", time.monotonic() - start)
        return Reply(text, "length" if reason == "length" else "stop", time.monotonic() - start)

    def ask(prompts: Sequence[Sequence[Message]]) -> list[Reply]:
        with ThreadPoolExecutor(settings.batch_size) as pool:
            waiting = [pool.submit(ask_one, messages) for messages in prompts]
            try:
                return [future.result() for future in waiting]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)  # no point in asking the rest
                raise

    return ask


def _with_retries(call: Callable[[], Result], settings: QuestionSettings) -> Result:
    """Run ``call``, again after growing waits while the server is away or overloaded.

    Raises :class:`ServerError` when the attempts are used up or the fault is in key, address or model,
    :class:`UnusableAnswer` for rubbish.
    """
    retrying = Retrying(
        retry=retry_if_exception(_is_temporary),
        stop=stop_after_attempt(settings.attempts),
        wait=wait_exponential(multiplier=settings.first_wait_seconds, max=60),
        reraise=True,
    )
    try:
        return retrying(call)
    except (ValueError, TypeError, AttributeError, LookupError, openai.APIResponseValidationError) as error:
        # Neither client checks what it receives: a body that is no JSON, or JSON of another shape, surfaces as one of these.
        raise UnusableAnswer(f"not the protocol's JSON: {type(error).__name__}") from error
    except Exception as error:
        status = _status(error)
        if _is_temporary(error):
            raise ServerError(
                f"{settings.endpoint}: no usable answer after {settings.attempts} attempts ({_kind(error)})",
                "start the server or correct questions.endpoint, then run again: replies so far are kept",
            ) from error
        if status in CLIENT_FAULTS:  # the server's text is left out: it may quote the key
            raise ServerError(
                f"{settings.endpoint}: refused the request with status {status} for model {settings.model!r}",
                f"check questions.endpoint and questions.model, and the key in the variable {settings.api_key_variable}",
            ) from error
        raise


def _is_temporary(error: BaseException) -> bool:
    """Whether asking again may help: no connection, a time-out, 408, 409, 429 or a fault of the server (5xx)."""
    if isinstance(error, openai.APIConnectionError | httpx.TransportError | ConnectionError):
        return True
    status = _status(error)
    return status is not None and (status in {408, 409, 429} or status >= 500)


def _status(error: BaseException) -> int | None:
    """The HTTP status behind a client's exception, if there is one."""
    return error.status_code if isinstance(error, ollama.ResponseError | openai.APIStatusError) else None


def _kind(error: BaseException) -> str:
    """What went wrong, in a few words that cannot hold a secret."""
    status = _status(error)
    return f"status {status}" if status is not None else type(error).__name__
