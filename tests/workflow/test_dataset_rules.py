"""What rules get for reading a data set and for heeding the gate."""

from __future__ import annotations

from pathlib import Path

from radtune.artifacts.layout import Layout
from radtune.config.datasets import LeakageSettings, SourceSettings
from radtune.workflow.dataset_rules import gate_options, read_rule


def test_a_folder_is_watched_by_its_tables_unless_something_makes_it(tmp_path: Path) -> None:
    for name in ("train_captions.csv", "train_concepts.csv", "notes.txt"):
        (tmp_path / name).touch()
    source, layout = SourceSettings(folder=str(tmp_path)), Layout(tmp_path / "results/run")
    assert read_rule(source, layout, None).inputs == [tmp_path / "train_captions.csv", tmp_path / "train_concepts.csv"]
    assert read_rule(source, layout, tmp_path / "receipt.json").inputs == [tmp_path / "receipt.json"]


def test_only_layouts_that_unpack_images_declare_a_folder_for_them(tmp_path: Path) -> None:
    paths = Layout(tmp_path).further("more")
    assert "unpacked" not in read_rule(SourceSettings(folder="f"), paths, Path("f")).outputs
    unpacking = read_rule(SourceSettings(format="hf_parquet", folder="f"), paths, Path("f"))
    assert Path(str(unpacking.outputs["unpacked"])) == paths.unpacked


def test_where_data_lie_and_come_from_is_no_param() -> None:
    layout = Layout(Path("results/run"))
    here, there = (
        read_rule(SourceSettings(folder=folder, download=download), layout, Path(folder)).params
        for folder, download in (("a", None), ("b", "zenodo:1"))
    )
    assert here == there


def test_a_gate_that_only_warns_gives_no_options() -> None:
    assert gate_options(LeakageSettings(gate="warn"), []) == []
    settings = LeakageSettings(gate="drop")
    assert gate_options(settings, [Path("l.parquet")]) == ["--leakage=l.parquet", f"--leakage-settings={settings.canonical()}"]
