"""Spellings of ``download``; records and repositories themselves are tested with the fetch."""

from __future__ import annotations

import pytest

from radtune.datasets.release import addressed_release, kind_of
from radtune.errors import ConfigError, DownloadError, RadtuneError


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("zenodo:10821435", "zenodo"),
        ("hub:BoKelvin/SLAKE@a9083ce6c34ac3ffb17671a605962924d8a8f9e9", "hub"),
        ("https://example.org/a.zip", "addresses"),
        ("https://example.org/a.zip\n  https://example.org/b.zip#sha256=00", "addresses"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    assert kind_of(text) == kind


@pytest.mark.parametrize("text", ["", "zenodo:abc", "zenodo:1/2", "hub:no-revision/set", "file:///etc/passwd", "https://"])
def test_unknown_spellings(text: str) -> None:
    with pytest.raises(ConfigError):
        kind_of(text)


def test_a_wrong_spelling_is_told_without_its_token() -> None:
    with pytest.raises(ConfigError, match=r"'ftp://example\.org/a\.zip' is not understood") as caught:
        kind_of("ftp://me:hidden@example.org/a.zip?token=hidden")
    assert "hidden" not in str(caught.value)


def test_files_at_addresses() -> None:
    release = addressed_release(
        "https://example.org/x/My%20Table.csv?v=2#sha256=AB https://example.org/y/#name=images.zip&md5=cd",
        ("https://mirror.org/set/",),
    )
    table, images = release.files
    assert (table.name, table.checksum, images.name, images.checksum) == ("My Table.csv", "sha256:ab", "images.zip", "md5:cd")
    assert table.addresses == ("https://example.org/x/My%20Table.csv?v=2", "https://mirror.org/set/My%20Table.csv")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("http://example.org/a.zip", ConfigError, "http without a checksum"),
        ("https://example.org/a.zip https://example.com/a.zip", ConfigError, "two files are called a.zip"),
        ("https://example.org/a.zip#sha=00", ConfigError, "unknown sha after #"),
        ("https://example.org/", DownloadError, "leads out of the folder"),
        ("https://example.org/a#name=../b", DownloadError, "leads out of the folder"),
        ("https://example.org/.bashrc", DownloadError, "hidden file"),
    ],
)
def test_addresses_that_are_refused(text: str, error: type[RadtuneError], message: str) -> None:
    with pytest.raises(error, match=message):
        addressed_release(text, ())
