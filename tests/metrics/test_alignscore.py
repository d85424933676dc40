import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from metrics.tiny_checkpoints import PAIRS, ROBERTA_CONFIG, TEXTS, write_alignscore
from radtune.artifacts.digests import file_digest
from radtune.config.metrics import MetricSettings
from radtune.errors import WeightsError
from radtune.metrics.alignscore import Aligner, alignscore, context_chunks, load_aligner, score_pairs
from radtune.metrics.contract import Resources, Sample, evaluate

NOWHERE = Path("none")
FILES = ("config.json", "vocab.json", "merges.txt")
SAMPLES = [Sample(str(index), "caption", *pair) for index, pair in enumerate(PAIRS)]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_alignscore(tmp_path_factory.mktemp("alignscore"))


@pytest.fixture(scope="module")
def aligner(paths: tuple[Path, Path]) -> Aligner:
    torch.set_num_threads(1)
    checkpoint, encoder = paths
    return load_aligner(checkpoint, *(encoder / name for name in FILES))


def resources(checkpoint: Path, encoder: Path, **settings: str) -> Resources:
    chosen = MetricSettings(alignscore_source=f"path:{checkpoint}", alignscore_encoder=f"path:{encoder}", threads=1, **settings)
    return Resources(chosen, NOWHERE, NOWHERE, NOWHERE, NOWHERE)


def test_equals_the_original_package(paths: tuple[Path, Path]) -> None:
    references = json.loads((Path(__file__).parent / "alignscore_references.json").read_text())
    result = evaluate(alignscore, SAMPLES, resources(*paths))
    assert result.values["alignscore"] == pytest.approx(references, rel=1e-4, abs=0)  # much finer than 1e-5: they are small
    assert max(references) > 3 * min(references)  # so that the comparison means something


def test_the_signature_names_every_file(paths: tuple[Path, Path]) -> None:
    checkpoint, encoder = paths
    signature = evaluate(alignscore, SAMPLES[:1], resources(*paths)).signature
    assert signature["sha256"] == {file.name: file_digest(file) for file in (checkpoint, *(encoder / name for name in FILES))}
    assert signature["token_limit"] == 64


def test_values_depend_neither_on_batches_nor_on_order_nor_on_company(aligner: Aligner) -> None:
    together = score_pairs(aligner, PAIRS, 32)
    assert [score_pairs(aligner, [pair], 1)[0] for pair in PAIRS] == pytest.approx(together, abs=1e-6)
    shuffled = random.Random(1).sample(range(len(PAIRS)), len(PAIRS))
    other_order = score_pairs(aligner, [PAIRS[index] for index in shuffled], 5)
    assert other_order == pytest.approx([together[index] for index in shuffled], abs=1e-6)


def test_mean_over_sentences_of_the_best_chunk(aligner: Aligner) -> None:
    """The definition on one pair of several sentences and chunks, each classified by itself and without padding."""
    reference, candidate = " ".join(TEXTS * 12), f"{TEXTS[0]} {TEXTS[1]}"

    def aligned(chunk: str, sentence: str) -> float:
        ids = torch.tensor([aligner.encode(chunk, sentence)])
        with torch.no_grad():
            return float(aligner.head(aligner.encoder(ids).pooler_output).softmax(-1)[0, 0])

    chunks = context_chunks(reference)
    assert len(chunks) > 1
    best = [max(aligned(chunk, sentence) for chunk in chunks) for sentence in (TEXTS[0], TEXTS[1])]
    assert score_pairs(aligner, [(candidate, reference)], 32) == pytest.approx([sum(best) / 2], abs=1e-7)


def test_the_direction_and_the_case_matter(aligner: Aligner) -> None:
    first, second = TEXTS[0], TEXTS[1]
    forth, back, lower = score_pairs(aligner, [(first, second), (second, first), (first.lower(), second)], 32)
    assert abs(forth - back) > 1e-4
    assert abs(forth - lower) > 1e-5


def test_reference_in_chunks() -> None:
    sentence = "There is a mass in the liver. "  # 7 words
    assert context_chunks("") == [""]
    assert context_chunks("Chest. No mass.") == ["Chest. No mass."]
    assert len(context_chunks(sentence * 49)) == 1  # 343 words
    halves = context_chunks(sentence * 50)  # 350 words: two chunks of 25 sentences
    assert [len(half.split()) for half in halves] == [175, 175]
    assert len(context_chunks(sentence * 51)) == 3  # two chunks of 25 sentences, and the last sentence
    assert len(context_chunks("mass " * 400)) == 1  # one sentence is never cut


def test_only_the_context_is_cut_where_the_claim_fits(aligner: Aligner) -> None:
    claim = aligner.tokenizer("mass", add_special_tokens=False)["input_ids"]
    ids = aligner.encode("effusion " * 100, "mass")
    assert len(ids) == aligner.limit == 64
    assert list(ids[-len(claim) - 1 : -1]) == claim
    both = aligner.encode("effusion " * 100, "mass " * 100)
    assert len(both) == 64


def test_empty_texts(paths: tuple[Path, Path]) -> None:
    samples = [Sample("a", "caption", " \n", "Chest."), Sample("b", "caption", "Chest.", "")]
    empty, against_nothing = evaluate(alignscore, samples, resources(*paths)).values["alignscore"]
    assert empty == 0
    assert against_nothing is not None
    assert 0 < against_nothing < 1


def test_tokens_are_those_that_transformers_loads_from_the_folder(paths: tuple[Path, Path], aligner: Aligner) -> None:
    from transformers import AutoTokenizer

    published = AutoTokenizer.from_pretrained(paths[1], local_files_only=True)
    for candidate, reference in PAIRS[:6]:
        whole = published(reference, candidate, truncation="only_first", max_length=64)["input_ids"]
        assert aligner.encode(reference, candidate) == tuple(whole)


def test_what_is_no_such_checkpoint_is_refused(paths: tuple[Path, Path], tmp_path: Path) -> None:
    checkpoint, encoder = paths
    with pytest.raises(WeightsError, match="the config says 0000"):
        alignscore(SAMPLES, resources(checkpoint, encoder, alignscore_sha256="0" * 64))
    with pytest.raises(WeightsError, match="no such file"):
        alignscore(SAMPLES, resources(checkpoint, tmp_path))

    for name in FILES[1:]:
        (tmp_path / name).write_bytes((encoder / name).read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(ROBERTA_CONFIG | {"num_hidden_layers": 3}))
    with pytest.raises(WeightsError, match=r"not an AlignScore checkpoint of the encoder[\s\S]*alignscore_encoder"):
        alignscore(SAMPLES, resources(checkpoint, tmp_path))


def test_hyper_parameters_that_are_code_are_refused(paths: tuple[Path, Path], tmp_path: Path) -> None:
    loaded: dict[str, Any] = torch.load(paths[0], weights_only=True)
    torch.save(loaded | {"hyper_parameters": {"optimiser": torch.optim.AdamW}}, tmp_path / "other.ckpt")
    with pytest.raises(WeightsError, match="not a checkpoint of tensors alone"):
        alignscore(SAMPLES, resources(tmp_path / "other.ckpt", paths[1]))
