"""Checkpoints of BLEURT, AlignScore and MedImageInsight in exactly the published formats: files, tensor names, tokenizers. Tiny
ones, unless other sizes are given (their vocabularies stay small).

Their weights are sines and not random numbers, so that every version of every library makes the same ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

BLEURT_CONFIG: Final[dict[str, Any]] = {
    "architectures": ["BleurtForSequenceClassification"],
    "attention_probs_dropout_prob": 0.1,
    "classifier_dropout": None,
    "embedding_size": 12,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 24,
    "initializer_range": 0.02,
    "intermediate_size": 40,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bleurt",
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "torch_dtype": "float32",
    "type_vocab_size": 2,
    "vocab_size": 85,
}
ROBERTA_CONFIG: Final[dict[str, Any]] = {
    "architectures": ["RobertaForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 24,
    "initializer_range": 0.02,
    "intermediate_size": 40,
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": 66,
    "model_type": "roberta",
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "pad_token_id": 1,
    "type_vocab_size": 1,
    "vocab_size": 330,
}
MEDIMAGEINSIGHT_CONFIG: Final[dict[str, Any]] = {  # the keys of the published config.yaml that the network depends on
    "IMAGE_ENCODER": {
        "NAME": "davit_v1",
        "NUM_CLASSES": 0,
        "IMAGE_SIZE": [72, 72],  # 18, 9, 5 and 3 patches a side, none a multiple of the window
        "LOAD_PRETRAINED": False,
        "IMAGE_MEAN": [0.485, 0.456, 0.406],
        "IMAGE_STD": [0.229, 0.224, 0.225],
        "SPEC": {
            "DROP_RATE": 0.1,
            "DROP_PATH_RATE": 0.2,
            "PATCH_SIZE": [7, 3, 3, 3],
            "PATCH_STRIDE": [4, 2, 2, 2],
            "PATCH_PADDING": [3, 1, 1, 1],
            "PATCH_PRENORM": [False, True, True, True],
            "DIM_EMBED": [8, 12, 16, 20],
            "NUM_HEADS": [2, 3, 4, 5],
            "NUM_GROUPS": [4, 2, 2, 10],
            "DEPTHS": [1, 1, 2, 1],
            "WINDOW_SIZE": 4,
            "ENABLE_CHECKPOINT": False,
        },
    },
    "LANG_ENCODER": {
        "NAME": "transformer",
        "LOAD_PRETRAINED": False,
        "TOKENIZER": "clip",
        "CONTEXT_LENGTH": 77,
        "WIDTH": 24,
        "HEADS": 3,
        "LAYERS": 2,
        "AUTOGRESSIVE": False,
    },
    "UNICL_MODEL": {"DIM_PROJECTION": 16, "LOAD_PRETRAINED": False},
    "AUG": {"INTERPOLATION": "bicubic"},
    "TEST": {"CENTER_CROP": False},
    "VERBOSE": False,
}

TEXTS: Final = (
    "Chest X-ray showing a right pleural effusion (green arrow).",
    "CT pulmonary embolus study showing pericardial effusion measuring 19.27 mm in this plane.",
    "Axial T2-weighted MRI of the brain, demonstrating a 3 x 4 cm mass. The mass is in the left frontal lobe.",
    "CT scan of the chest. A large mass is seen in the right upper lobe. There is no effusion.",
    "Ultrasound of the liver showing a hypoechoic lesion; see Fig. 2 for the follow-up after 6 months.",
)
PAIRS: Final = (  # candidate, reference
    (TEXTS[0], TEXTS[0]),
    (TEXTS[3], TEXTS[1]),
    ("MRI of the brain.", TEXTS[2]),
    (TEXTS[2], "MRI of the brain."),
    (TEXTS[4], TEXTS[3]),
    ("Chest.", TEXTS[4]),
    (" ".join(TEXTS[:2]), " ".join(TEXTS * 12)),  # a reference that must be cut, of more than 350 words
    (" ".join(TEXTS * 6).replace(". ", ", "), TEXTS[0]),  # one sentence that leaves no room for its reference
    (" ".join(TEXTS * 9), " ".join(TEXTS[::-1] * 9)),  # both must be cut
)


def draw_pictures() -> list[Image.Image]:
    """Three pictures of waves, wider and higher than a square."""
    pictures = []
    for height, width in ((60, 40), (33, 70), (200, 150)):
        rows, columns, colours = np.mgrid[:height, :width, :3]
        waves = np.sin(rows * 0.11 * (colours + 1)) * np.cos(columns * 0.07 + colours)
        pictures.append(Image.fromarray(np.uint8(127.5 + 127.5 * waves)))
    return pictures


def medimageinsight_config(divisor: int = 1) -> dict[str, Any]:
    """The sizes of the published network, from its ``config.yaml``; all widths over ``divisor`` (1, 2, 4 or 8)."""
    tiny = MEDIMAGEINSIGHT_CONFIG
    heads = [number // divisor for number in (8, 16, 32, 64)]
    spec = {"DIM_EMBED": [32 * number for number in heads], "NUM_HEADS": heads, "NUM_GROUPS": heads}
    spec = tiny["IMAGE_ENCODER"]["SPEC"] | spec | {"DEPTHS": [1, 1, 9, 1], "WINDOW_SIZE": 12}
    return tiny | {
        "IMAGE_ENCODER": tiny["IMAGE_ENCODER"] | {"IMAGE_SIZE": [480, 480], "SPEC": spec},
        "LANG_ENCODER": tiny["LANG_ENCODER"] | {"WIDTH": 1024 // divisor, "HEADS": 16 // divisor, "LAYERS": 16},
        "UNICL_MODEL": {"DIM_PROJECTION": 1024 // divisor},
    }


def write_bleurt(folder: Path, sizes: Mapping[str, int] | None = None) -> Path:
    """A checkpoint such as ``lucadiliello/BLEURT-20-D12``; ``sizes`` take the place of the tiny ones."""
    from sentencepiece import SentencePieceTrainer

    folder.mkdir(parents=True, exist_ok=True)
    config = BLEURT_CONFIG | (sizes or {})
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    SentencePieceTrainer.train(
        sentence_iterator=iter([text.lower() for text in TEXTS] * 20),
        model_prefix=str(folder / "spm"),
        vocab_size=config["vocab_size"],
        pad_id=0,
        pad_piece="[PAD]",
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols=["[CLS]", "[SEP]", "[MASK]"],
        num_threads=1,
        minloglevel=2,
    )
    (folder / "spm.vocab").unlink()
    names = [
        *_embeddings("bleurt.embeddings.", config, config["embedding_size"]),
        *_linear("bleurt.encoder.embedding_projection", config["hidden_size"], config["embedding_size"]),
        *_layers("bleurt.encoder.", config),
        *_linear("bleurt.pooler.dense", config["hidden_size"], config["hidden_size"]),
        *_linear("classifier", 1, config["hidden_size"]),
    ]
    torch.save({"bleurt.embeddings.position_ids": torch.arange(512)[None], **_tensors(names)}, folder / "pytorch_model.bin")
    return folder


def write_alignscore(folder: Path, sizes: Mapping[str, int] | None = None) -> tuple[Path, Path]:
    """A checkpoint such as ``AlignScore-base.ckpt`` and, in a folder of its own, what is read of its RoBERTa; ``sizes`` take the
    place of the tiny ones."""
    from tokenizers import ByteLevelBPETokenizer

    config = ROBERTA_CONFIG | (sizes or {})
    encoder = folder / "roberta-tiny"
    encoder.mkdir(parents=True, exist_ok=True)
    (encoder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    longest = config["max_position_embeddings"] - 2
    (encoder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": longest}), encoding="utf-8")
    tokenizer = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(TEXTS, config["vocab_size"], special_tokens=special, show_progress=False)
    tokenizer.save_model(str(encoder))

    size = config["hidden_size"]
    names = [
        *_embeddings("base_model.embeddings.", config, size),
        *_layers("base_model.encoder.", config),
        *_linear("base_model.pooler.dense", size, size),
        ("mlm_head.bias", (config["vocab_size"],)),
        *_linear("mlm_head.dense", size, size),
        *_norm("mlm_head.layer_norm", size),
        *_linear("mlm_head.decoder", config["vocab_size"], size),
        *_linear("bin_layer", 2, size),
        *_linear("tri_layer", 3, size),
        *_linear("reg_layer", 1, size),
    ]
    positions = torch.arange(config["max_position_embeddings"])[None]
    checkpoint = {
        "epoch": 2,
        "global_step": 300,
        "pytorch-lightning_version": "1.7.7",
        "state_dict": {"base_model.embeddings.position_ids": positions, **_tensors(names)},
        "hparams_name": "kwargs",
        "hyper_parameters": {"model": "roberta-base", "using_pretrained": True, "adam_epsilon": 1e-6, "learning_rate": 1e-5},
    }
    torch.save(checkpoint, folder / "AlignScore-tiny.ckpt")
    return folder / "AlignScore-tiny.ckpt", encoder


def write_medimageinsight(folder: Path, config: Mapping[str, Any] = MEDIMAGEINSIGHT_CONFIG) -> Path:
    """A copy of ``lion-ai/MedImageInsights``: its directory ``2024.09.27``."""
    import yaml
    from safetensors.torch import save_file

    release = folder / "2024.09.27"
    tokenizer = release / "language_model/clip_tokenizer_4.16.2"
    tokenizer.mkdir(parents=True, exist_ok=True)
    (release / "config.yaml").write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
    letters = [chr(code) for code in range(33, 127)]
    merges = [("t", "h"), ("th", "e</w>"), ("a", "n"), ("r", "i"), ("ri", "g"), ("e", "s"), ("l", "e"), ("o", "f</w>")]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges), "<|startoftext|>", "<|endoftext|>"]
    (tokenizer / "vocab.json").write_text(json.dumps({piece: index for index, piece in enumerate(pieces)}), encoding="utf-8")
    lines = ["#version: 0.2", *map(" ".join, merges)]
    (tokenizer / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    weights = release / "vision_model/medimageinsigt-v1.0.0.pt"
    weights.parent.mkdir(exist_ok=True)
    save_file(_tensors(medimageinsight_shapes(config, len(pieces)), gain=1.0), weights)
    return folder


Shapes = Iterator[tuple[str, tuple[int, ...]]]


def medimageinsight_shapes(config: Mapping[str, Any], vocabulary: int) -> Shapes:
    """Names and shapes of the published tensors."""
    spec, text, shared = config["IMAGE_ENCODER"]["SPEC"], config["LANG_ENCODER"], config["UNICL_MODEL"]["DIM_PROJECTION"]
    width = text["WIDTH"]
    yield "lang_projection", (width, shared)
    yield "image_projection", (spec["DIM_EMBED"][-1], shared)
    yield "logit_scale", ()
    yield "lang_encoder.positional_embedding", (text["CONTEXT_LENGTH"], width)
    yield "lang_encoder.token_embedding.weight", (vocabulary, width)
    for index in range(text["LAYERS"]):
        block = f"lang_encoder.resblocks.{index}."
        yield f"{block}attn.in_proj_weight", (3 * width, width)
        yield f"{block}attn.in_proj_bias", (3 * width,)
        yield from _linear(f"{block}attn.out_proj", width, width)
        yield from _norm(f"{block}ln_1", width)
        yield from _linear(f"{block}mlp.c_fc", 4 * width, width)
        yield from _linear(f"{block}mlp.c_proj", width, 4 * width)
        yield from _norm(f"{block}ln_2", width)
    yield from _norm("lang_encoder.ln_final", width)
    before = 3
    for stage, size in enumerate(spec["DIM_EMBED"]):
        conv, kernel = f"image_encoder.convs.{stage}", spec["PATCH_SIZE"][stage]
        yield f"{conv}.proj.weight", (size, before, kernel, kernel)
        yield f"{conv}.proj.bias", (size,)
        yield from _norm(f"{conv}.norm", before if spec["PATCH_PRENORM"][stage] else size)
        for depth in range(spec["DEPTHS"][stage]):
            for kind in ("spatial", "channel"):
                block = f"image_encoder.blocks.{stage}.{depth}.{kind}_block."
                attention = f"{block}{'window' if kind == 'spatial' else 'channel'}_attn."
                for number in (1, 2):
                    yield f"{block}conv{number}.fn.dw.weight", (size, 1, 3, 3)
                    yield f"{block}conv{number}.fn.dw.bias", (size,)
                yield from _norm(f"{attention}norm", size)
                yield from _linear(f"{attention}fn.qkv", 3 * size, size)
                yield from _linear(f"{attention}fn.proj", size, size)
                yield from _norm(f"{block}ffn.norm", size)
                yield from _linear(f"{block}ffn.fn.net.fc1", 4 * size, size)
                yield from _linear(f"{block}ffn.fn.net.fc2", size, 4 * size)
        before = size
    yield from _norm("image_encoder.norms", before)


def _linear(name: str, out: int, into: int) -> Shapes:
    yield f"{name}.weight", (out, into)
    yield f"{name}.bias", (out,)


def _norm(name: str, size: int) -> Shapes:
    yield f"{name}.weight", (size,)
    yield f"{name}.bias", (size,)


NORM_WEIGHTS: Final = ("LayerNorm.weight", ".norm.weight", ".norms.weight", ".ln_1.weight", ".ln_2.weight", ".ln_final.weight")


def _embeddings(prefix: str, config: dict[str, Any], size: int) -> Shapes:
    for name, rows in (("word", "vocab_size"), ("position", "max_position_embeddings"), ("token_type", "type_vocab_size")):
        yield f"{prefix}{name}_embeddings.weight", (config[rows], size)
    yield from _norm(f"{prefix}LayerNorm", size)


def _layers(prefix: str, config: dict[str, Any]) -> Shapes:
    size, inner = config["hidden_size"], config["intermediate_size"]
    for index in range(config["num_hidden_layers"]):
        layer = f"{prefix}layer.{index}."
        for name in ("query", "key", "value"):
            yield from _linear(f"{layer}attention.self.{name}", size, size)
        yield from _linear(f"{layer}attention.output.dense", size, size)
        yield from _norm(f"{layer}attention.output.LayerNorm", size)
        yield from _linear(f"{layer}intermediate.dense", inner, size)
        yield from _linear(f"{layer}output.dense", size, inner)
        yield from _norm(f"{layer}output.LayerNorm", size)


def _tensors(names: Iterable[tuple[str, tuple[int, ...]]], gain: float = 3.0) -> dict[str, torch.Tensor]:
    tensors = {}
    for index, (name, shape) in enumerate(names):
        steps = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
        waves = torch.sin((0.7 + 0.013 * index) * steps**2 + index).reshape(shape)  # squares, lest the rank be two
        inputs = torch.Size(shape[1:]).numel()
        scale = 1.0 if "embeddings" in name or "_embedding" in name else gain / inputs**0.5 if len(shape) > 1 else 0.1
        tensors[name] = (scale * waves + name.endswith(NORM_WEIGHTS)).float()
    return tensors
