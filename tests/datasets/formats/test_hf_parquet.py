"""Parquet of the library `datasets`: trees that the library itself wrote from real images, and such trees made bad."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from radtune.datasets.formats.hf_parquet import _split_of_path
from radtune.errors import ConfigError, DataError
from read_data_set import DataSet, read_into

ROCO = {"id": "image_id", "concepts": "cui"}
"""Column names of ROCOv2's mirror on the hub."""


def read_parquet(out: Path, folder: Path, **settings: Any) -> DataSet:
    return read_into(out, folder, format="hf_parquet", **settings)


def picture(value: int, file_format: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((12, 16), value, np.uint8)).save(file, file_format)
    return file.getvalue()


def rows(split: str, count: int) -> list[dict[str, Any]]:
    return [
        {
            "image": {"bytes": picture(10 * number), "path": f"{split}_{number}.jpg"},
            "image_id": f"{split}_{number}",
            "caption": f"Chest radiograph {number}.",
            "cui": ["C1306645", "C0817096"],
        }
        for number in range(count)
    ]


def write(path: Path, values: list[dict[str, Any]], row_group_size: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(values), path, row_group_size=row_group_size)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tree in the mirror's layout: two files of training rows and one of each other split."""
    root = tmp_path / "mirror"
    write(root / "data/train-00000-of-00002.parquet", rows("train", 5)[:3])
    write(root / "data/train-00001-of-00002-0123456789abcdef.parquet", rows("train", 5)[3:])
    write(root / "data/validation-00000-of-00001.parquet", rows("validation", 1))
    write(root / "data/test-00000-of-00001.parquet", rows("test", 1))
    return root


def test_a_tree_that_the_library_wrote_from_real_images(rocov2_mini: Path, tmp_path: Path) -> None:
    """As `datasets` publishes on the hub: embedded bytes, features in the schema's metadata."""
    datasets = pytest.importorskip("datasets", reason="the extra bench is not installed")
    tree = tmp_path / "mirror/data"
    tree.mkdir(parents=True)
    files = sorted((rocov2_mini / "test_images").rglob("*.jpg"))[:7]
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "image_id": datasets.Value("string"),
            "caption": datasets.Value("string"),
            "cui": datasets.Sequence(datasets.Value("string")),
        }
    )
    values = [
        {"image": {"bytes": file.read_bytes(), "path": file.name}, "image_id": file.stem, "caption": "A caption.", "cui": []}
        for file in files
    ]
    made = datasets.Dataset.from_list(values, features=features)
    made.to_parquet(str(tree / "test-00000-of-00001.parquet"), batch_size=3)
    assert b"huggingface" in pq.read_schema(tree / "test-00000-of-00001.parquet").metadata
    found = read_parquet(tmp_path / "out", tmp_path / "mirror", columns=ROCO)
    assert [row["item_id"] for row in found.captions] == [file.stem for file in files]
    assert [Path(row["image_path"]).read_bytes() for row in found.captions] == [file.read_bytes() for file in files]
    assert {row["split"] for row in found.captions} == {"test"}


def test_splits_columns_and_bytes(folder: Path, tmp_path: Path) -> None:
    found = read_parquet(tmp_path / "out", folder, columns=ROCO)
    assert [(row["item_id"], row["split"]) for row in found.captions] == [
        *((f"train_{number}", "train") for number in range(5)),
        ("validation_0", "valid"),
        ("test_0", "test"),
    ]
    assert Path(found.captions[3]["image_path"]).read_bytes() == picture(30)
    assert Path(found.captions[3]["image_path"]).suffix == ".jpg"
    assert found.captions[0]["concepts"] == ["C1306645", "C0817096"]
    assert list(found.footer()["inputs"]) == [f"parquet[{number}]" for number in range(4)]
    assert not list((tmp_path / "out").rglob("*.tmp"))


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("data/train-00000-of-00007.parquet", "train"),
        ("data/validation-00000-of-00001-c5val0test.parquet", "valid"),
        ("default/partial-train/0000.parquet", "train"),
        ("config/test/0003.parquet", "test"),
        ("rocov2_test.parquet", "test"),
        ("extra.parquet", "extra"),
    ],
)
def test_the_path_says_the_split(path: str, split: str) -> None:
    assert _split_of_path(Path(path)) == split


def test_items_without_an_id_are_numbered_and_plain_bytes_are_images(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    write(root / "train.parquet", [{"image": picture(1, "PNG"), "caption": "One."}, {"image": picture(2), "caption": "Two."}])
    write(root / ".cache/train.parquet", [{"image": picture(9), "caption": "Hidden."}])
    found = read_parquet(tmp_path / "out", root)
    assert [row["item_id"] for row in found.captions] == ["train-1", "train-2"]
    assert Path(found.captions[0]["image_path"]).read_bytes() == picture(1, "PNG")


def test_concepts_as_text_and_other_columns(tmp_path: Path) -> None:
    row = {
        "picture": {"bytes": picture(1), "path": None},
        "report": "Normal.",
        "split": "dev",
        "article": "PMC1",
        "licence": "CC BY",
        "concepts": "C1306645;nonsense",
    }
    write(tmp_path / "tree/part.parquet", [row])
    found = read_parquet(
        tmp_path / "out", tmp_path / "tree", columns={"image": "picture", "caption": "report", "group": "article"}
    )
    (item,) = found.captions
    assert [item[name] for name in ("split", "group_id", "licence", "concepts")] == ["valid", "PMC1", "CC BY", ["C1306645"]]
    assert [row["reason"] for row in found.quarantine] == ["bad_cui"]


def test_images_without_bytes_are_found_by_path_or_left_out(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    values = rows("train", 4)
    values[0]["image"] = {"bytes": None, "path": "images/a.jpg"}
    values[1]["image"] = {"bytes": None, "path": "../a.jpg"}
    values[2]["image"] = {"bytes": b"", "path": "c.jpg"}
    values[3]["image"] = None
    write(root / "train.parquet", values)
    (root / "images").mkdir()
    for place in (root / "images/a.jpg", tmp_path / "a.jpg"):
        place.write_bytes(picture(5))
    found = read_parquet(tmp_path / "out", root, columns=ROCO)
    assert [row["image_path"] for row in found.captions] == [str(root / "images/a.jpg")]
    assert found.footer()["dropped"] == {"empty_image": 1, "missing_image": 2}


def test_only_drawn_images_are_written(folder: Path, tmp_path: Path) -> None:
    read_parquet(tmp_path / "out", folder, columns=ROCO, limit_per_split=2)
    assert len([path for path in (tmp_path / "out/unpacked").rglob("*") if path.is_file()]) == 4


def test_unusable_trees_stop_the_run(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such column of the layout hf_parquet"):
        read_parquet(tmp_path / "out", folder, columns={"text": "caption"})
    with pytest.raises(DataError, match=r"(?s)no column picture.*it has image, image_id, caption, cui"):
        read_parquet(tmp_path / "out", folder, columns={"image": "picture"})
    with pytest.raises(DataError, match="the column cui holds no images but list"):
        read_parquet(tmp_path / "out", folder, columns={"image": "cui"})
    broken = folder / "data/train-00000-of-00002.parquet"
    broken.write_bytes(broken.read_bytes()[:-7])
    with pytest.raises(DataError, match=r"train-00000-of-00002\.parquet: not a readable Parquet file"):
        read_parquet(tmp_path / "out", folder, columns=ROCO)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no Parquet file"):
        read_parquet(tmp_path / "out", tmp_path / "empty")


def test_a_killed_reading_leaves_no_half_image(tmp_path: Path) -> None:
    """The process is killed while it writes; every file it left under a final name is whole."""
    content = np.random.default_rng(1).integers(0, 256, 2_000_000, np.uint8).tobytes()
    values = [{"image": content, "caption": f"Caption {number}."} for number in range(60)]
    write(tmp_path / "tree/train.parquet", values, row_group_size=10)
    program = (
        "import sys; sys.path.insert(0, 'tests'); from pathlib import Path; from read_data_set import read_into;"
        f"read_into(Path({str(tmp_path / 'out')!r}), Path({str(tmp_path / 'tree')!r}), format='hf_parquet')"
    )
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen([sys.executable, "-c", program], cwd=root, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and len(list((tmp_path / "out").rglob("unpacked/*/*"))) < 5:
            pass
        process.kill()
    assert process.returncode == -signal.SIGKILL
    whole = [path for path in (tmp_path / "out").rglob("unpacked/*/*") if path.suffix != ".tmp"]
    assert len(whole) >= 4
    assert all(path.read_bytes() == content for path in whole)
    assert not (tmp_path / "out/captions.parquet").exists()
