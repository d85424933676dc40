"""Settings of the ``questions`` room."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from radtune.config.base import Settings


class FilterSettings(Settings):
    """The filters between the writer's replies and the mix."""

    minimum_support: float = Field(default=0.8, ge=0, le=1)
    """Share of an answer's content words, and of what its question takes for granted, that must stand in the caption."""
    maximum_leak: float = Field(default=0.5, ge=0, le=1)
    """Share of an answer's content words that may stand in its question."""
    maximum_question_words: int = Field(default=30, ge=3)
    """Longer questions are rejected."""
    maximum_answer_words: int = Field(default=40, ge=1)
    """Longer answers are rejected."""
    drop_measures: bool = True
    """Reject pairs about measurements."""
    drop_dates: bool = True
    """Reject pairs about dates, ages and history."""


class KnownSettings(Settings):
    """The questions whose answers are known by construction."""

    about: tuple[Literal["modality", "yes_no", "plane", "projection", "region"], ...] = (
        "modality",
        "yes_no",
        "plane",
        "projection",
        "region",
    )
    """What is asked: the modality (openly, and as a yes/no question), and where a person named them plane, projection and region
    of the body."""


class QuestionSettings(Settings):
    """The question writer."""

    backend: Literal["ollama", "openai", "local"] = "ollama"
    """`ollama`: an Ollama server. `openai`: any OpenAI-compatible server. `local`: transformers in this process."""
    endpoint: str | None = "http://127.0.0.1:11434"
    """Base URL of the server (for `openai` with its `/v1`); null for `local`, not used with `server_command`."""
    server_command: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Command of a server that the job starts for itself, such as `[ollama, serve]` or
    `[vllm, serve, "{model}", --host, 127.0.0.1, --port, "{port}"]`; null asks the one at `endpoint`. `{port}` becomes a free port
    and `{model}` the name of the model; `OLLAMA_HOST` is set. It must stay in the foreground. Put no key in it: it is recorded in
    the artifacts."""
    server_start_seconds: float = Field(default=600.0, gt=0)
    """How long that server may take until it answers: large models load slowly."""
    model: str = "llama3.1"
    """The server's name of the model, or the weight source for `local`."""
    sha256: str | None = None
    """SHA-256 of the weight file of a `package:` source."""
    splits: tuple[str, ...] = ("train", "valid", "test")
    """Splits for which questions are written."""
    pairs_per_caption: int = Field(default=2, ge=1)
    """Pairs asked for."""
    maximum_new_tokens: int = Field(default=256, ge=1)
    """Length limit of a reply, in tokens."""
    batch_size: int = Field(default=32, ge=1)
    """Captions a batch (`local`) or requests in flight (servers); replies are saved for resumption after each batch. With `local`
    it is part of the recipe: padding changes the last bits of bfloat16 products, so a reply may depend on it."""
    temperature: float = Field(default=0.0, ge=0)
    """Sampling temperature; 0 is greedy."""
    attempts: int = Field(default=6, ge=1)
    """How often a request is sent before a server that is down or overloaded (429, 5xx) stops the step."""
    first_wait_seconds: float = Field(default=1.0, ge=0)
    """Wait before the second attempt; doubles with each further one."""
    timeout_seconds: float = Field(default=600.0, gt=0)
    """How long one request may take."""
    api_key_variable: str = "RADTUNE_LLM_API_KEY"
    """Environment variable that holds the server's key; the key itself never enters config, logs or artifacts."""
    restricted_hosts: tuple[str, ...] = ()
    """Hosts beside this machine that may be sent captions of restricted data sets: servers of your own institution."""
    threads: int = Field(default=2, ge=1)
    """Processor threads of `local`."""
    filters: FilterSettings = FilterSettings()
    """The filters."""
    known: KnownSettings = KnownSettings()
    """Questions whose answers are known."""

    def writer_canonical(self) -> str:
        """What the writer depends on, as canonical JSON: filters and known questions stay at their defaults, so that a change of
        theirs does not ask the language model again."""
        return self.model_copy(update={"filters": FilterSettings(), "known": KnownSettings()}).canonical()

    @model_validator(mode="after")
    def _backend_has_what_it_needs(self) -> Self:
        if self.backend == "local":
            if self.server_command:
                raise ValueError("server_command: the local backend asks no server; choose ollama or openai")
            return self
        if self.server_command and self.endpoint is None:
            return self
        if not self.endpoint:
            raise ValueError(f"the {self.backend} backend needs an endpoint: the server's base URL")
        parts = urlsplit(self.endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"endpoint: {self.endpoint!r} is not a URL like http://127.0.0.1:11434")
        if parts.username or parts.password:
            raise ValueError("endpoint: leave user name and password out of the URL; it is recorded in every artifact")
        return self
