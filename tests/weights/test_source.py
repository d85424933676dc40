"""Sources are parsed strictly, and a hub source must be pinned."""

from __future__ import annotations

import pytest

from radtune.errors import ConfigError
from radtune.weights.source import parse_source


def test_parses_each_scheme() -> None:
    hub = parse_source("hub:org/name@abc123")
    assert (hub.scheme, hub.name, hub.version) == ("hub", "org/name", "abc123")
    assert hub.member == ""
    file = parse_source("hub:org/name@main/folder/model.ckpt")
    assert (file.name, file.version, file.member) == ("org/name", "main", "folder/model.ckpt")
    package = parse_source("package:some-wheel==1.0.1/pkg/model.pth")
    assert (package.name, package.version, package.member) == ("some-wheel", "1.0.1", "pkg/model.pth")
    assert parse_source("package:some-wheel==1.0.1").member == ""
    assert parse_source("path:/data/x").name == "/data/x"
    assert parse_source("tiny:").scheme == "tiny"


def test_unpinned_hub_source_says_how_to_pin() -> None:
    with pytest.raises(ConfigError, match=r"not pinned[\s\S]*radtune weights resolve hub:org/name"):
        parse_source("hub:org/name")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "org/name",
        "http://x/y",
        "package:name",
        "path:",
        "tiny:x",
        "hub:a/b/c@1",
        "hub:a/b@1/",
        "hub:a/b@1/../c",
        "hub:a/b@1/*.bin",
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not a source of weights"):
        parse_source(text)
