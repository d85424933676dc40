from pathlib import Path

import pytest

from radtune.artifacts.io import write
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.provenance import provenance
from radtune.config.metrics import MetricSettings
from radtune.errors import ArtifactError, DataError
from radtune.metrics.concept_table import read_concept_table

CHEST = {"cui": "C0817096", "name": "Chest", "type_ids": []}


def test_a_published_table(rocov2_mini: Path) -> None:
    concepts, left_out = read_concept_table(rocov2_mini / "cui_mapping.csv")
    lines = (rocov2_mini / "cui_mapping.csv").read_text(encoding="utf-8").splitlines()
    assert len(concepts) + len(left_out) == len(lines) - 1 > 100
    assert {"cui": "C0040405", "name": "X-Ray Computed Tomography", "type_ids": []} in concepts


def test_semantic_types_and_what_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "concepts.csv"
    path.write_text(
        "\ufeffCUI,Canonical name,TUIs\n"
        "C0817096, Chest ,\n"
        "C0032227,Pleural effusion,T047; T033\n"
        "C0817096,Thorax,\n"
        "C81,Lung,\n"
        "C0024109,,\n"
        "C0024110,Lung,T23\n",
        encoding="utf-8",
    )
    concepts, left_out = read_concept_table(path)
    assert concepts == [CHEST, {"cui": "C0032227", "name": "Pleural effusion", "type_ids": ["T047", "T033"]}]
    assert left_out == [
        "line 4: C0817096 has the name 'Chest' already",
        "line 5: 'C81' is not a CUI (C and seven digits)",
        "line 6: C0024109 has no name",
        "line 7: 'T23' is not a TUI (T and three digits)",
    ]


def test_the_artifact_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "concepts.parquet"
    write(path, CONCEPTS, [CHEST], provenance("radtune.metrics.score", MetricSettings(), 1, {}))
    assert read_concept_table(path) == ([CHEST], [])
    path.write_bytes(b"PAR1")
    with pytest.raises(ArtifactError, match="not a readable Parquet file"):
        read_concept_table(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the header is ''"),
        (b"CUI;Canonical name\nC0817096;Chest\n", "the header is 'CUI;Canonical name'"),
        (b"CUI,Canonical name\nlung,Lung\n", "holds no concept"),
        (b"CUI,Canonical name\nC0817096,M\xe9nisque\n", "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "concepts.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_concept_table(path)
