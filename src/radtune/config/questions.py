"""Settings of the ``questions`` room."""

from __future__ import annotations

from typing import Literal

from radtune.config.base import Settings


class FilterSettings(Settings):
    """The filters between the writer's replies and the mix."""

    minimum_support: float = 0.6
    """Share of an answer's content words that must stand in the caption."""
    maximum_leak: float = 0.5
    """Share of an answer's content words that may stand in its question."""
    drop_measures: bool = True
    """Reject pairs about measurements."""
    drop_dates: bool = True
    """Reject pairs about dates, ages and history."""


class QuestionSettings(Settings):
    """The question writer."""

    backend: Literal["ollama", "openai", "local"] = "ollama"
    """`ollama`: an Ollama server. `openai`: any OpenAI-compatible server. `local`: transformers in this process."""
    endpoint: str | None = "http://127.0.0.1:11434"
    """Base URL of the server; null for `local`."""
    model: str = "llama3.1"
    """The server's name of the model, or the weight source for `local`."""
    sha256: str | None = None
    """SHA-256 of the weight file of a `package:` source."""
    splits: tuple[str, ...] = ("train", "valid", "test")
    """Splits for which questions are written."""
    pairs_per_caption: int = 2
    """Pairs asked for."""
    maximum_new_tokens: int = 256
    """Length limit of a reply, in tokens."""
    batch_size: int = 32
    """Captions a batch (`local`) or requests in flight (servers)."""
    temperature: float = 0.0
    """Sampling temperature; 0 is greedy."""
    api_key_variable: str = "RADTUNE_LLM_API_KEY"
    """Environment variable that holds the server's key; the key itself never enters config, logs or artifacts."""
    threads: int = 2
    """Processor threads of `local`."""
    filters: FilterSettings = FilterSettings()
    """The filters."""
