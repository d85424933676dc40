"""What the report says of the data: burned-in text is counted, and said to have been looked for or not."""

from __future__ import annotations

import shutil
from pathlib import Path

from radtune.artifacts.io import write
from radtune.artifacts.kinds.burned_in_text import BURNED_IN_TEXT
from radtune.artifacts.layout import Layout
from radtune.artifacts.provenance import provenance
from radtune.config.images import ImageSettings
from radtune.config.report import ReportSettings
from radtune.report.data_overview import BurnedInText, read_data_overview
from radtune.report.read_run import read_run
from radtune.report.site import build_site


def test_burned_in_text_is_counted_over_all_shards(run_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "sample"
    shutil.copytree(run_folder, copy)
    layout = Layout(copy)
    for shard, flagged in enumerate((1, 2)):
        rows = [
            {"item_id": f"{shard}/{number}", "lines": 1, "characters": 20, "share": 0.1, "flagged": number < flagged}
            for number in range(3)
        ]
        notes = {"with_text": 3, "flagged": flagged}
        record = provenance("radtune.images.burned_in_text", ImageSettings(), 1, inputs={}, notes=notes)
        write(layout.burned_in_text(shard, 2), BURNED_IN_TEXT, rows, record, rows_in=3)
    overview = read_data_overview(read_run(copy))
    assert overview
    assert overview.burned_in_text == BurnedInText(images=6, with_text=6, flagged=3)
    build_site(copy, tmp_path / "index.html", settings=ReportSettings(example_images=1), seed=1)
    assert "of 6 images 6 hold some, and 3 so much" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_run_without_the_search_says_nothing_of_it(run_folder: Path) -> None:
    overview = read_data_overview(read_run(run_folder))
    assert overview
    assert overview.burned_in_text is None
