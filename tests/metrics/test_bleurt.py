import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from metrics.tiny_checkpoints import PAIRS, write_bleurt
from radtune.artifacts.digests import file_digest
from radtune.config.metrics import MetricSettings
from radtune.errors import WeightsError
from radtune.metrics.bleurt import Regressor, bleurt, checkpoint, load_regressor, score_pairs, truncated
from radtune.metrics.contract import Resources, Sample, evaluate
from radtune.metrics.preprocessing import normalise_caption

NOWHERE = Path("none")
NORMALISED = [(normalise_caption(candidate), normalise_caption(reference)) for candidate, reference in PAIRS]
SAMPLES = [Sample(str(index), "caption", *pair) for index, pair in enumerate(PAIRS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bleurt(tmp_path_factory.mktemp("bleurt"))


@pytest.fixture(scope="module")
def regressor(folder: Path) -> Regressor:
    torch.set_num_threads(1)
    return load_regressor(*checkpoint(f"path:{folder}", None, NOWHERE))


def resources(folder: Path, **settings: str) -> Resources:
    return Resources(MetricSettings(bleurt_source=f"path:{folder}", threads=1, **settings), NOWHERE, NOWHERE, NOWHERE, NOWHERE)


def copy_with(folder: Path, target: Path, tensors: Mapping[str, torch.Tensor]) -> Path:
    for name in ("config.json", "spm.model"):
        (target / name).write_bytes((folder / name).read_bytes())
    torch.save(dict(tensors), target / "pytorch_model.bin")
    return target


def test_equals_the_original_package(folder: Path) -> None:
    references = json.loads((Path(__file__).parent / "bleurt_references.json").read_text())
    result = evaluate(bleurt, SAMPLES, resources(folder))
    assert result.values["bleurt"] == pytest.approx(references, abs=1e-5)
    assert max(references) - min(references) > 1  # so that the comparison means something


def test_the_signature_names_every_file(folder: Path) -> None:
    signature = evaluate(bleurt, SAMPLES[:1], resources(folder)).signature
    files = ("config.json", "spm.model", "pytorch_model.bin")
    assert signature["sha256"] == {name: file_digest(folder / name) for name in files}
    assert signature["token_limit"] == 512


def test_values_depend_neither_on_batches_nor_on_order_nor_on_company(regressor: Regressor) -> None:
    together = score_pairs(regressor, NORMALISED, 32)
    assert [score_pairs(regressor, [pair], 1)[0] for pair in NORMALISED] == pytest.approx(together, abs=1e-6)
    shuffled = random.Random(1).sample(range(len(PAIRS)), len(PAIRS))
    other_order = score_pairs(regressor, [NORMALISED[index] for index in shuffled], 4)
    assert other_order == pytest.approx([together[index] for index in shuffled], abs=1e-6)


def test_the_reference_comes_first(regressor: Regressor) -> None:
    pair = regressor.encode("chest", "brain mri")
    reference, candidate = regressor.tokenizer.encode("chest"), regressor.tokenizer.encode("brain mri")
    assert pair.ids == (regressor.begin, *reference, regressor.end, *candidate, regressor.end)
    assert pair.segments == (0,) * (len(reference) + 2) + (1,) * (len(candidate) + 1)
    forth, back = score_pairs(regressor, [("chest", "brain mri"), ("brain mri", "chest")], 2)
    assert abs(forth - back) > 1e-3


def test_the_longer_text_is_cut_and_on_a_tie_the_candidate() -> None:
    assert truncated([1, 2, 3, 4, 5], [6, 7], 5) == ([1, 2, 3], [6, 7])
    assert truncated([1, 2], [3, 4, 5, 6], 4) == ([1, 2], [3, 4])
    assert truncated([1, 2, 3], [4, 5, 6], 5) == ([1, 2, 3], [4, 5])
    assert truncated([1, 2, 3], [4, 5, 6], 3) == ([1, 2], [4])
    assert truncated([1], [2], 2) == ([1], [2])


def test_long_texts_fit(regressor: Regressor) -> None:
    pair = regressor.encode("mass " * 1000, "effusion " * 1000)
    assert len(pair.ids) == len(pair.segments) == 512
    assert pair.segments.count(1) == 255  # 254 tokens and the end mark


def test_an_empty_candidate_scores_0_and_an_empty_reference_is_rated(folder: Path) -> None:
    samples = [Sample("a", "caption", " ", "Chest."), Sample("b", "caption", "Chest.", "")]
    empty, rated = evaluate(bleurt, samples, resources(folder)).values["bleurt"]
    assert empty == 0
    assert rated != 0


def test_safetensors_are_preferred(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    tensors = torch.load(folder / "pytorch_model.bin", weights_only=True)
    del tensors["bleurt.embeddings.position_ids"]  # later exports leave them out
    target = copy_with(folder, tmp_path, {})  # an empty pickle, which nobody looks at
    save_file(tensors, target / "model.safetensors")
    result = evaluate(bleurt, SAMPLES[:1], resources(target))
    assert list(result.signature["sha256"]) == ["config.json", "spm.model", "model.safetensors"]
    assert result.values["bleurt"] == evaluate(bleurt, SAMPLES[:1], resources(folder)).values["bleurt"]
    with pytest.raises(WeightsError, match="the config says 0000"):
        evaluate(bleurt, SAMPLES[:1], resources(target, bleurt_sha256="0" * 64))


def test_what_is_no_such_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no config\.json"):
        bleurt(SAMPLES, resources(tmp_path))
    with pytest.raises(WeightsError, match="the config says 0000"):
        bleurt(SAMPLES, resources(folder, bleurt_sha256="0" * 64))

    tensors = torch.load(folder / "pytorch_model.bin", weights_only=True)
    headless = copy_with(folder, tmp_path, {name: tensor for name, tensor in tensors.items() if "classifier" not in name})
    with pytest.raises(WeightsError, match=r"not a BLEURT-20 checkpoint[\s\S]*classifier\.weight"):
        bleurt(SAMPLES, resources(headless))
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"embedding_size": None}))  # as bleurt-base-128 has it
    with pytest.raises(WeightsError, match="WordPiece"):
        bleurt(SAMPLES, resources(tmp_path))
    (tmp_path / "spm.model").write_bytes(b"cut")
    with pytest.raises(WeightsError, match="not a BLEURT-20 checkpoint"):
        bleurt(SAMPLES, resources(tmp_path))


class Payload:
    """Unpickled, it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.path), "w")


def test_a_pickle_with_code_is_refused_and_not_run(folder: Path, tmp_path: Path) -> None:
    target = copy_with(folder, tmp_path, {"classifier.weight": Payload(tmp_path / "ran")})  # type: ignore[dict-item]
    with pytest.raises(WeightsError, match="not a checkpoint of tensors alone"):
        bleurt(SAMPLES, resources(target))
    assert not (tmp_path / "ran").exists()
