from __future__ import annotations

import pytest

from radtune.addresses import filled, literal_secret, shown, source_id, source_name, without_secrets
from radtune.config.base import validated
from radtune.config.datasets import DatasetSettings, SourceSettings
from radtune.errors import ConfigError

SECRET = "https://user:password@example.org:8443/a/b.zip?token=secret#sha256=ab"


def test_secrets_are_left_out() -> None:
    assert shown(SECRET) == "https://example.org:8443/a/b.zip"
    assert source_id(f"{SECRET}\n https://example.org/c") == "https://example.org:8443/a/b.zip#sha256=ab https://example.org/c"
    assert source_name(f"{SECRET} https://example.org/c https://example.org/d") == "https://example.org:8443/a/b.zip and 2 more"


def test_a_text_keeps_everything_but_the_secrets_of_its_addresses() -> None:
    text = f"# see http://127.0.0.1:{{port}}/v1\ndownload: '{SECRET} https://me:p@ss@example.org?key=secret'\nmirrors: [https://a.org/b]\n"
    assert without_secrets(text) == (
        "# see http://127.0.0.1:{port}/v1\n"
        "download: 'https://example.org:8443/a/b.zip#sha256=ab https://example.org'\n"
        "mirrors: [https://a.org/b]\n"
    )


def test_names_of_records_stay() -> None:
    for text in ("zenodo:10821435", "hub:owner/set@main"):
        assert shown(text) == source_id(text) == source_name(text) == text


@pytest.mark.parametrize(
    ("address", "found"),
    [
        (SECRET, "what stands before the @"),
        ("https://hunter2@example.org/a", "what stands before the @"),
        ("https://example.org/a?download=1&X-Amz-Signature=hunter2", "the value of X-Amz-Signature"),
        ("https://example.org/a?access_token=x${TOKEN}", "the value of access_token"),
        ("https://me:${PASSWORD}@example.org/a?download=1&token=${TOKEN}#sha256=ab", None),
        ("https://example.org/a?page=2", None),
    ],
)
def test_secrets_are_told_from_variables(address: str, found: str | None) -> None:
    assert literal_secret(address) == found


def test_variables_are_filled_from_the_environment() -> None:
    environment = {"TOKEN": "a+b/c%3D", "EMPTY": ""}
    assert filled("https://example.org/a?token=${TOKEN}#name=b", environment) == "https://example.org/a?token=a%2Bb%2Fc%3D#name=b"
    for name in ("EMPTY", "UNSET"):
        with pytest.raises(ConfigError, match=rf"^https://example.org/a: the environment variable {name} is not set"):
            filled(f"https://example.org/a?token=${{{name}}}", environment)


@pytest.mark.parametrize("key", ["download", "mirrors"])
@pytest.mark.parametrize("settings", [SourceSettings, DatasetSettings])
def test_a_secret_in_a_configuration_is_refused_and_not_repeated(key: str, settings: type[SourceSettings]) -> None:
    address = "https://example.org/a.zip?token=hunter2"
    with pytest.raises(ConfigError, match=r"the value of token is a secret: write \$\{NAME\} in its place") as caught:
        validated(settings, {key: address if key == "download" else [address]}, where="config.yaml")
    assert f"- {key}: " in str(caught.value)
    assert "hunter2" not in str(caught.value)
