from __future__ import annotations

from radtune.datasets.addresses import shown, source_id, source_name, without_secrets

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
