"""The committed documents are those that the typed source gives."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from radtune.config.documents import commented_yaml, json_schema, reference_page
from radtune.config.load import load_config, merge
from radtune.config.published import PUBLISHED
from radtune.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
FIX = "run `radtune config write` and commit what it changes"


def test_config_yaml_has_every_key_with_its_comment() -> None:
    assert (ROOT / "config.yaml").read_text() == commented_yaml(PUBLISHED), FIX


def test_schema_and_reference_page() -> None:
    assert (ROOT / "workflow/config.schema.json").read_text() == json_schema(), FIX
    assert (ROOT / "docs/configuration.md").read_text() == reference_page(), FIX


def test_yaml_holds_the_same_values() -> None:
    assert load_config([ROOT / "config.yaml"]) == PUBLISHED


def test_schema_accepts_the_config_and_refuses_unknown_keys() -> None:
    import json

    schema, values = json.loads(json_schema()), yaml.safe_load((ROOT / "config.yaml").read_text())
    jsonschema.validate(values, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values | {"nonsense": 1}, schema)


def test_sample_overlay_is_valid_and_changes_no_model_that_it_does_not_name() -> None:
    sample = load_config([ROOT / "config.yaml", ROOT / "workflow/runs/sample.yaml"])
    assert sample.run == "sample"
    assert sample.datasets.folder is None


def test_overlay_merges_key_by_key() -> None:
    assert merge({"a": {"b": 1, "c": [1, 2]}, "d": 1}, {"a": {"c": [3]}}) == {"a": {"b": 1, "c": [3]}, "d": 1}


def test_missing_file_and_bad_yaml_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config([tmp_path / "absent.yaml"])
    (tmp_path / "bad.yaml").write_text("a: [1")
    with pytest.raises(ConfigError, match=r"bad\.yaml: not valid YAML"):
        load_config([tmp_path / "bad.yaml"])
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match="holds list"):
        load_config([tmp_path / "list.yaml"])


def test_names_must_exist(tmp_path: Path) -> None:
    (tmp_path / "overlay.yaml").write_text("systems: [nonsense]\n")
    with pytest.raises(ConfigError, match="'nonsense' is not one of the models"):
        load_config([ROOT / "config.yaml", tmp_path / "overlay.yaml"])


def test_medpix_overlay_anneals_with_medpix() -> None:
    config = load_config([ROOT / "config.yaml", ROOT / "workflow/runs/medpix.yaml"])
    assert config.mixes["captions_and_questions"].sets == ["medpix"]
    assert config.datasets.further["medpix"].download is None


def test_a_mix_of_a_set_that_is_not_there_is_refused(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("mixes: {captions: {further: [slake]}}\n")
    with pytest.raises(ConfigError, match=r"mixes\.captions: 'slake' is not one of datasets\.further"):
        load_config([ROOT / "config.yaml", overlay])
