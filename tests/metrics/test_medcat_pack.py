import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from radtune.artifacts.digests import file_digest
from radtune.artifacts.io import write
from radtune.artifacts.kinds.concepts import CONCEPTS
from radtune.artifacts.provenance import provenance
from radtune.config.metrics import ConceptTypes, MetricSettings
from radtune.errors import UnavailableError, WeightsError
from radtune.metrics.concept_extraction import build_pack, concepts_in
from radtune.metrics.concept_f1 import concept_f1
from radtune.metrics.contract import Resources, Sample, evaluate
from radtune.metrics.medcat_pack import is_known, load_extractor, pack_digests

NOWHERE = Path("none")
CONCEPT_ROWS = [
    {"cui": "C0040405", "name": "X-Ray Computed Tomography", "type_ids": ["T060"]},
    {"cui": "C0817096", "name": "Chest", "type_ids": ["T029"]},
    {"cui": "C0023884", "name": "Liver", "type_ids": ["T023"]},
    {"cui": "C0225730", "name": "Left lung", "type_ids": ["T023"]},
    {"cui": "C0024109", "name": "Lung", "type_ids": ["T023"]},
    {"cui": "C0032227", "name": "Pleural effusion", "type_ids": ["T047"]},
    {"cui": "C9999999", "name": "scanner", "type_ids": ["T999"]},
]
PAIRS = [
    ("CT of the chest.", "Axial CT of the chest: pleural effusion in the left lung."),
    ("The liver and the lung.", "CT of the liver."),
    ("Pleural effusion, scanner", "pleural effusion, left lung, scanner"),
    ("Nothing.", ""),
]
SAMPLES = [Sample(str(index), "caption", *pair) for index, pair in enumerate(PAIRS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack as MedCAT itself saves it, with the settings of a component that is not read."""
    from medcat.config.config_meta_cat import ConfigMetaCAT

    pack = build_pack(CONCEPT_ROWS)
    pack.config.components.addons.append(ConfigMetaCAT())
    target = tmp_path_factory.mktemp("packs")
    return Path(pack.save_model_pack(str(target), pack_name="umls", make_archive=True))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """One that a test may spoil."""
    return Path(shutil.copytree(folder, tmp_path / "pack"))


def resources(source: Path | None, types: ConceptTypes, table: Path | None = None, **settings: Any) -> Resources:
    settings |= {"concept_pack_source": f"path:{source}"} if source else {}
    return Resources(MetricSettings(concept_types=types, **settings), NOWHERE, table, None, NOWHERE)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "concepts.parquet"
    rows = [row for row in CONCEPT_ROWS if row["cui"] != "C9999999"]
    write(
        path,
        CONCEPTS,
        sorted(rows, key=lambda row: str(row["cui"])),
        provenance("radtune.metrics.score", MetricSettings(), 1, {}),
    )
    return path


@pytest.mark.parametrize("types", ["all", "medcon"])
@pytest.mark.parametrize("archived", [False, True])
def test_scores_equal_those_of_the_pack_that_was_saved(folder: Path, table: Path, types: ConceptTypes, archived: bool) -> None:
    pack = folder.with_suffix(".zip") if archived else folder
    built = evaluate(concept_f1, SAMPLES, resources(None, types, table))
    users = evaluate(concept_f1, SAMPLES, resources(pack, types))
    # The scanner's type is none of the UMLS, and the table lacks it: neither counts it.
    assert users.values == built.values
    assert users.values["concept_f1"] == ([2 / 3, 0.5, 2 / 3, 0] if types == "all" else [0.5, 2 / 3, 2 / 3, 0])
    assert users.signature["sha256"] == pack_digests(pack)
    assert users.signature["semantic_types"] == types


def test_the_digest_of_an_archive_is_its_files_and_can_be_demanded(folder: Path) -> None:
    archive = folder.with_suffix(".zip")
    assert pack_digests(archive) == {archive.name: file_digest(archive)}
    assert set(pack_digests(folder)) == {
        file.relative_to(folder).as_posix() for part in ("cdb", "vocab") for file in (folder / part).rglob("*") if file.is_file()
    }
    with pytest.raises(WeightsError, match="the config says 00"):
        concept_f1(SAMPLES, resources(archive, "all", concept_pack_sha256="00"))


def test_a_pack_without_types_counts_all_and_has_no_medcon(tmp_path: Path) -> None:
    pack = build_pack([row | {"type_ids": []} for row in CONCEPT_ROWS])
    saved = Path(pack.save_model_pack(str(tmp_path), make_archive=False))
    assert concepts_in("CT of the chest, scanner", load_extractor(saved, "all")) == {"C0040405", "C0817096", "C9999999"}
    with pytest.raises(UnavailableError, match="no concept has a type of MEDCON"):
        load_extractor(saved, "medcon")


class Evil:
    """A pickle of this writes a file when it is read."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("part", ["cdb", "vocab", "cdb/config/components"])
def test_a_pickle_that_runs_code_is_refused_before_it_runs(copy: Path, tmp_path: Path, part: str) -> None:
    target = tmp_path / "written"
    (copy / part / "raw_dict.dat").write_bytes(pickle.dumps({"cui2info": Evil(target)}))
    with pytest.raises(WeightsError, match=r"it asks for pathlib.*, which is no part of a database or vocabulary"):
        load_extractor(copy, "all")
    assert not target.exists()
    pickle.loads(pickle.dumps(Evil(target)))  # noqa: S301  # shows that the pickle does write when nothing guards it
    assert target.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("medcat.cat", "CAT"),
        ("medcat.config.config", "os"),  # a module of settings holds what it imports
        ("medcat.config.config", "os.system"),
        ("medcat.config.config", "Config.load"),
        ("medcat.config.config", "BaseModel"),
        ("medcat.storage.serialisers", "import_module"),
        ("dill._dill", "_load_type"),
    ],
)
def test_names_that_are_not_known(module: str, name: str) -> None:
    assert not is_known(module, name)


def test_a_class_from_elsewhere_is_refused(copy: Path) -> None:
    schema = copy / "vocab/.schema.json"
    schema.write_text(json.dumps(json.loads(schema.read_text()) | {"serialised-class": "subprocess.Popen"}))
    with pytest.raises(WeightsError, match=r"it asks for subprocess\.Popen"):
        load_extractor(copy, "all")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda pack: (pack / "cdb/.serialised_by").write_text("json"), "cdb is saved as 'json'"),
        (lambda pack: (pack / "vocab/.serialised_by").write_text("MANUALLY_SERIALISED:os.system"), "vocab is saved as 'MANUALLY"),
        (lambda pack: (pack / "cdb/raw_dict.dat").write_bytes(b"\x80\x04."), "cdb cannot be read"),
        (lambda pack: (pack / "cdb").rename(pack / "cdb.dat"), "holds no folder cdb, so it is no pack of MedCAT 2"),
    ],
)
def test_what_is_no_pack_of_medcat_2_is_refused(copy: Path, spoil: Any, message: str) -> None:
    spoil(copy)
    with pytest.raises(WeightsError, match=message):
        load_extractor(copy, "all")


def test_an_archive_is_unpacked_inside_a_folder_of_its_own(folder: Path, tmp_path: Path) -> None:
    escaping = tmp_path / "escaping.zip"
    shutil.copy(folder.with_suffix(".zip"), escaping)
    with zipfile.ZipFile(escaping, "a") as archive:
        archive.writestr("cdb/../../../escaped", "text")
    with pytest.raises(WeightsError, match="would be written outside"):
        load_extractor(escaping, "all")
    (broken := tmp_path / "broken.zip").write_bytes(escaping.read_bytes()[:2000])
    with pytest.raises(WeightsError, match="cannot be unpacked"):
        load_extractor(broken, "all")
    with zipfile.ZipFile(folder.with_suffix(".zip")) as archive:
        name = next(name for name in archive.namelist() if name.endswith("cdb/raw_dict.dat"))
    content = bytearray(folder.with_suffix(".zip").read_bytes())
    begin = content.index(name.encode()) + len(name)
    content[begin : begin + 4] = b"\xff" * 4  # no block of deflate begins so
    (damaged := tmp_path / "damaged.zip").write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be unpacked"):
        load_extractor(damaged, "all")


def test_a_component_or_tokenizer_that_is_not_read(tmp_path: Path) -> None:
    for change, message in (
        (lambda config: setattr(config.components.linking, "comp_name", "embedding_linker"), "its linking is 'embedding_linker'"),
        (lambda config: setattr(config.general.nlp, "provider", "spacy"), "lacks en_core_web_md"),
        (lambda config: setattr(config.general.nlp, "provider", "mine"), "its tokenizer is 'mine'"),
    ):
        pack = build_pack(CONCEPT_ROWS)
        change(pack.config)
        with pytest.raises(WeightsError, match=message):
            load_extractor(Path(pack.save_model_pack(str(tmp_path), pack_name=message[:9], make_archive=False)), "all")


def test_nothing_is_learnt_and_nothing_is_logged_from_the_texts(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    extract = load_extractor(folder, "all")
    texts = [text for pair in PAIRS for text in pair] * 30
    first = [concepts_in(text, extract) for text in texts]
    assert [concepts_in(text, extract) for text in reversed(texts)] == first[::-1]
    assert list(tmp_path.iterdir()) == []
