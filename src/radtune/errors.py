"""The one family of errors that radtune raises for its user, and the exit codes of its commands."""

from __future__ import annotations

EXIT_ERROR = 1
"""The run cannot go on; the message says what is wrong, where, and what to do."""

EXIT_SAVED = 75
"""A training was asked to stop (SIGTERM), saved its state and can be resumed (EX_TEMPFAIL of sysexits.h)."""

EXIT_INTERRUPTED = 130
"""Ctrl-C (128 + SIGINT)."""


class RadtuneError(Exception):
    """Something the user can mend. The text says what is wrong and where; ``fix`` says what to do about it."""

    def __init__(self, problem: str, fix: str | None = None) -> None:
        super().__init__(problem if fix is None else f"{problem}\n  What to do: {fix}")
        self.problem = problem
        self.fix = fix


class ConfigError(RadtuneError):
    """A value of the configuration cannot be used."""


class DataError(RadtuneError):
    """Input data cannot be read at all (single bad rows go to quarantine instead)."""


class DownloadError(RadtuneError):
    """A data set cannot be had, is not what its source states, or must not be unpacked."""


class ArtifactError(RadtuneError):
    """A Parquet artifact is missing, altered, or of another kind or schema than expected."""


class WeightsError(RadtuneError):
    """A weight file cannot be had, or is not the file that the configuration names."""


class UnavailableError(RadtuneError):
    """A metric has no value: an input that it needs (images, concepts, labels) was not given, or the code it follows fails."""


class ServerError(RadtuneError):
    """A server that a step needs does not answer as it should."""
