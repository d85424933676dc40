"""What a back end offers to the step: its identity, and one function from prompts to replies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from radtune.questions.prompts import Message


@dataclass(frozen=True)
class Reply:
    """One raw reply."""

    text: str
    finish_reason: Literal["stop", "length", "error"]
    """``stop``: the model ended. ``length``: cut off at the token limit. ``error``: the server's answer could not be used;
    ``text`` then says why."""
    seconds: float
    """Wall time; of ``local``, an even share of its batch's."""


@dataclass(frozen=True)
class Backend:
    """A language model that answers chats."""

    endpoint: str
    """Base URL, the weight source, or the command of a server that the job starts for itself."""
    model: str
    model_digest: str
    """As the server or the weight file gives it; empty where the server gives none (OpenAI's protocol)."""
    ask: Callable[[Sequence[Sequence[Message]]], list[Reply]]
    """Answers a batch of chats, in order. Raises :class:`~radtune.errors.ServerError` if the server stays away."""
