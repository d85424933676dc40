"""Made ``bertscore_references.json``: what ``bert-score`` 0.3.13 gives, one pair a call, on MiniLM and on a tiny DeBERTa.

Run it once beside the installed project, from the folder of the project; the package is only unpacked::

    pip download --no-deps --dest /tmp/bert-score bert-score==0.3.13
    PYTHONPATH=/tmp/bert-score/bert_score-0.3.13-py3-none-any.whl:tests python -m metrics.make_bertscore_references

One thing is put right: with today's ``transformers`` the package cannot be called until a tokenizer without a limit has one.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import bert_score.scorer
import torch
import transformers

from metrics.test_bertscore import ORACLE_DOCUMENTS, ORACLE_PAIRS, SETTINGS, build_deberta
from radtune.metrics.bertscore import checkpoint
from radtune.metrics.token_encoder import UNLIMITED, load_encoder

HERE = Path(__file__).parent


def values(model: str, layer: int) -> list[Any]:
    """Pairs x (without idf, with idf) x (precision, recall, F1)."""
    scorers = [
        bert_score.scorer.BERTScorer(model, num_layers=layer, idf=bool(documents), idf_sents=documents, nthreads=0, device="cpu")
        for documents in (None, ORACLE_DOCUMENTS)
    ]
    return [
        [[float(value) for value in scorer.score([candidate], [reference])] for scorer in scorers]
        for candidate, reference in ORACLE_PAIRS
    ]


def main() -> None:
    """Write the values with the versions that gave them."""
    original = bert_score.scorer.get_tokenizer

    def with_a_limit(*arguments: Any) -> Any:
        tokenizer = original(*arguments)
        tokenizer.model_max_length = min(tokenizer.model_max_length, UNLIMITED)
        return tokenizer

    bert_score.scorer.get_tokenizer = with_a_limit
    minilm, _ = checkpoint(SETTINGS, HERE.parents[1] / "resources/weights")
    with tempfile.TemporaryDirectory() as deberta:
        build_deberta(load_encoder(minilm, SETTINGS.bertscore_layer), Path(deberta))
        found = {
            "made_with": f"bert-score 0.3.13, torch {torch.__version__}, transformers {transformers.__version__}",
            "minilm": values(str(minilm), SETTINGS.bertscore_layer),
            "deberta": values(deberta, 2),
        }
    (HERE / "bertscore_references.json").write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
