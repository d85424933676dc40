from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from transformers import BertConfig, BertModel, BertTokenizer

from radtune.config.metrics import MetricSettings
from radtune.errors import WeightsError
from radtune.metrics.chexbert import FIVE, OBSERVATIONS, chexbert, f1_of_counts, load_chexbert
from radtune.metrics.contract import Resources, Sample, evaluate

WORDS = (
    "no", "acute", "large", "right", "left", "pleural", "effusion", "pneumothorax", "is", "seen", "the", "heart", "lungs", "are",
    "clear", "enlarged", ".", ",", "edema", "mild",
)  # fmt: skip
TEXTS = [
    "No acute pleural effusion.",
    "The  heart is\nenlarged.",
    "The lungs are clear.",
    "Mild edema, left pleural effusion.",
    "Large right pneumothorax is seen",
    "The heart is enlarged. " * 150,  # more than 512 tokens
    "",
]


class BertLabeler(torch.nn.Module):
    """The authors' network, as they wrap it: names of its tensors are those of the checkpoint."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.bert = BertModel(config)
        self.linear_heads = torch.nn.ModuleList([torch.nn.Linear(config.hidden_size, 4) for _ in range(13)])
        self.linear_heads.append(torch.nn.Linear(config.hidden_size, 2))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        first = self.bert(ids, attention_mask=mask)[0][:, 0, :]
        return [head(first) for head in self.linear_heads]


class Published:
    """A tiny checkpoint in the published format, and the folder of the BERT that it was trained from."""

    def __init__(self, folder: Path) -> None:
        self.weights, self.bert = folder / "chexbert.pth", folder / "bert"
        vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
        BertTokenizer({word: index for index, word in enumerate(vocabulary)}).save_pretrained(self.bert)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=24,
            num_hidden_layers=2,
            num_attention_heads=3,
            intermediate_size=40,
            initializer_range=0.6,
        )
        config.save_pretrained(self.bert)
        torch.manual_seed(2)
        self.network = BertLabeler(config).eval()
        state = {f"module.{name}": tensor for name, tensor in self.network.state_dict().items()}
        state["module.bert.embeddings.position_ids"] = torch.arange(512)[None]
        torch.save({"epoch": 3, "model_state_dict": state, "optimizer_state_dict": {"state": {}}}, self.weights)

    def settings(self, **changes: Any) -> MetricSettings:
        sources = {"chexbert_source": f"path:{self.weights}", "chexbert_tokenizer": f"path:{self.bert}", "threads": 1}
        return MetricSettings(**sources | changes)

    def reported(self, texts: Sequence[str], positive: tuple[int, ...]) -> Any:
        """Texts x observations by the authors' way: one padded batch with a mask."""
        tokenizer = BertTokenizer.from_pretrained(self.bert)
        encoded = tokenizer(list(texts), padding=True, truncation=True, max_length=512, return_tensors="pt")
        with torch.no_grad():
            classes = [logits.argmax(dim=1) for logits in self.network(encoded.input_ids, encoded.attention_mask)]
        found = np.isin(torch.stack(classes, dim=1).numpy(), positive)
        return found & np.array([[bool(text.strip())] for text in texts])


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return Published(tmp_path_factory.mktemp("chexbert"))


@pytest.fixture
def samples() -> list[Sample]:
    pairs = [(candidate, reference) for candidate in TEXTS for reference in TEXTS]
    return [Sample(str(index), "caption", *pair) for index, pair in enumerate(pairs)]


@pytest.mark.parametrize(("uncertain", "positive"), [("positive", (1, 3)), ("negative", (1,))])
def test_f1_equals_scikit_learn_on_the_authors_network(
    published: Published, text_resources: Resources, samples: list[Sample], uncertain: str, positive: tuple[int, ...]
) -> None:
    resources = replace(text_resources, settings=published.settings(chexbert_uncertain=uncertain))
    result = evaluate(chexbert, samples, resources)
    predicted = published.reported([sample.prediction for sample in samples], positive)
    true = published.reported([sample.reference for sample in samples], positive)
    assert 0.1 < true.mean() < 0.9  # the random network tells texts apart
    for size, columns in ((14, list(range(14))), (5, [OBSERVATIONS.index(name) for name in FIVE])):
        for average in ("micro", "macro"):
            expected = f1_score(true[:, columns], predicted[:, columns], average=average, zero_division=0)
            assert result.totals[f"chexbert_{average}_{size}"] == pytest.approx(expected)
            by_example = f1_score(true[:, columns], predicted[:, columns], average="samples", zero_division=0)
            values = result.values[f"chexbert_{average}_{size}"]
            assert sum(value or 0 for value in values) / len(values) == pytest.approx(by_example)


def test_classes_do_not_depend_on_the_batch(published: Published) -> None:
    labeller = load_chexbert(published.weights, published.bert)
    texts = [text for text in TEXTS if text]
    assert labeller.classify(texts, 1) == labeller.classify(texts[::-1] * 3, 64)
    assert (
        labeller.classify(["The  heart is\nenlarged."], 1).popitem()[1]
        == labeller.classify(["the heart is enlarged."], 1).popitem()[1]
    )


def test_an_empty_caption_reports_nothing(published: Published, text_resources: Resources) -> None:
    resources = replace(text_resources, settings=published.settings())
    result = evaluate(chexbert, [Sample("a", "caption", " ", TEXTS[0])], resources)
    assert set(result.totals.values()) == {0.0}
    assert all(list(values) == [0] for values in result.values.values())


def test_f1_by_row_and_by_column() -> None:
    predicted, true = np.array([[1, 1, 0], [0, 0, 0]], dtype=bool), np.array([[1, 0, 0], [0, 1, 0]], dtype=bool)
    assert f1_of_counts(predicted, true, axis=1) == [pytest.approx(2 / 3), 0]
    assert f1_of_counts(predicted, true, axis=0) == [1, 0, 0]


def test_what_is_no_checkpoint_is_refused(published: Published, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    for content in ({"state_dict": {}}, [1], {"model_state_dict": Path()}):
        torch.save(content, other)
        with pytest.raises(WeightsError, match="no checkpoint of CheXbert"):
            load_chexbert(other, published.bert)
    for broken in (b"", b"no pickle"):
        other.write_bytes(broken)
        with pytest.raises(WeightsError, match="no checkpoint of CheXbert"):
            load_chexbert(other, published.bert)
    torch.save({"model_state_dict": {"module.bert.pooler.dense.bias": torch.zeros(3)}}, other)
    with pytest.raises(WeightsError, match="does not fit the BERT"):
        load_chexbert(other, published.bert)
    with pytest.raises(WeightsError, match="no such file"):
        chexbert([], Resources(published.settings(chexbert_source="path:absent.pth"), *[Path()] * 4))
