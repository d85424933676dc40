"""MedImageInsight (Codella et al. 2024, arXiv:2410.06542), the encoder of images and texts behind ImageCLEFmedical's similarity.

``lion-ai/MedImageInsights`` publishes it for code of its own. Its parts are in well-kept libraries: DaViT for images in
``transformers``, as the vision tower of Florence-2, and the transformer encoder for texts in torch. Only the tensors' names
differ. Sizes are read from the published ``config.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import torch
import yaml
from PIL import Image
from torch import nn

from radtune.artifacts.digests import file_digest
from radtune.errors import WeightsError
from radtune.metrics.image_text import normalised_pixels, unit_vectors
from radtune.weights.fetch import fetch

WEIGHTS: Final = "2024.09.27/vision_model/medimageinsigt-v1.0.0.pt"
"""Both towers and both projections; spelled so, and safetensors in spite of its name."""
CONFIG: Final = "2024.09.27/config.yaml"
VOCABULARY: Final = "2024.09.27/language_model/clip_tokenizer_4.16.2/vocab.json"
MERGES: Final = "2024.09.27/language_model/clip_tokenizer_4.16.2/merges.txt"

_NAMES: Final = (
    (r"^lang_encoder\.(token|positional)_embedding", r"\1_embedding"),
    (r"^lang_encoder\.ln_final\.", "text_tower.norm."),
    (r"^lang_encoder\.resblocks\.", "text_tower.layers."),
    (r"^lang_projection$", "text_projection"),
    (r"\.attn\.", ".self_attn."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"\.mlp\.c_fc\.", ".linear1."),
    (r"\.mlp\.c_proj\.", ".linear2."),
    (r"^image_encoder\.norms\.", "image_norm."),
    (r"^image_encoder\.", "image_tower."),
    (r"(convs\.\d+)\.proj\.", r"\1.conv."),
    (r"\.(conv[12])\.fn\.dw\.", r".\1."),
    (r"\.(?:window|channel)_attn\.norm\.", ".norm1."),
    (r"\.(window|channel)_attn\.fn\.", r".\1_attn."),
    (r"\.ffn\.norm\.", ".norm2."),
    (r"\.ffn\.fn\.net\.", ".ffn."),
)
"""Patterns in the published names of tensors, and what stands there in :class:`Network`."""


class Network(nn.Module):
    """Both towers with their projections, of the sizes in the published ``config.yaml``."""

    def __init__(self, config: Mapping[str, Any], vocabulary: int) -> None:
        """Raises ``KeyError``, ``TypeError`` or ``ValueError`` if ``config`` is of another kind."""
        from transformers import Florence2VisionBackbone, Florence2VisionConfig

        super().__init__()
        image, text = config["IMAGE_ENCODER"]["SPEC"], config["LANG_ENCODER"]
        shared = config["UNICL_MODEL"]["DIM_PROJECTION"]
        if text["AUTOGRESSIVE"]:
            raise ValueError("its text tower looks back only")
        davit = Florence2VisionConfig(
            depths=image["DEPTHS"],
            embed_dim=image["DIM_EMBED"],
            num_heads=image["NUM_HEADS"],
            num_groups=image["NUM_GROUPS"],
            patch_size=image["PATCH_SIZE"],
            patch_stride=image["PATCH_STRIDE"],
            patch_padding=image["PATCH_PADDING"],
            patch_prenorm=image["PATCH_PRENORM"],
            window_size=image["WINDOW_SIZE"],
            drop_path_rate=0.0,  # of training alone
        )
        self.image_tower = Florence2VisionBackbone(davit)
        self.image_norm = nn.LayerNorm(image["DIM_EMBED"][-1])
        self.image_projection = nn.Parameter(torch.empty(image["DIM_EMBED"][-1], shared))

        width = text["WIDTH"]
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(text["CONTEXT_LENGTH"], width))
        layer = nn.TransformerEncoderLayer(
            width, text["HEADS"], 4 * width, 0.0, quick_gelu, layer_norm_eps=1e-12, batch_first=True, norm_first=True
        )
        self.text_tower = nn.TransformerEncoder(layer, text["LAYERS"], nn.LayerNorm(width, eps=1e-12), enable_nested_tensor=False)
        self.text_projection = nn.Parameter(torch.empty(width, shared))

    def encode_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features, images x width, of pixels, images x 3 x side x side."""
        patches: torch.Tensor = self.image_tower(pixels).last_hidden_state  # images x width x rows x columns
        pooled: torch.Tensor = self.image_norm(patches.flatten(2).mean(-1))
        return pooled @ self.image_projection

    def encode_texts(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Features, texts x width, of token ids, texts x length, where ``mask`` is 1 for tokens and 0 for padding.

        A text is represented by its end mark, the first token of the largest id.
        """
        embedded = self.token_embedding(ids) + self.positional_embedding[: ids.shape[1]]
        states: torch.Tensor = self.text_tower(embedded, src_key_padding_mask=mask == 0)
        return states[torch.arange(len(ids), device=ids.device), ids.argmax(-1)] @ self.text_projection


def quick_gelu(values: torch.Tensor) -> torch.Tensor:
    """CLIP's approximation of GELU, element by element."""
    return values * torch.sigmoid(1.702 * values)


@dataclass(frozen=True, eq=False)
class MedImageInsightEncoder:
    """The published checkpoint: an :class:`radtune.metrics.image_text.ImageTextEncoder`."""

    tokenizer: Any
    network: Network
    side: int
    """Of the square that every image is resized to, whatever its shape."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @torch.inference_mode()
    def encode_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Unit vectors, images x width."""
        squares = [image.resize((self.side, self.side), Image.Resampling.BICUBIC) for image in images]
        pixels = torch.stack([normalised_pixels(square, self.mean, self.std) for square in squares])
        return unit_vectors(self.network.encode_images(pixels.to(self.network.image_projection.device)))

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors, texts x width. Padding is masked, so that it changes nothing."""
        limit = len(self.network.positional_embedding)
        tokens = self.tokenizer(list(texts), padding=True, truncation=True, max_length=limit, return_tensors="pt")
        tokens = tokens.to(self.network.text_projection.device)
        return unit_vectors(self.network.encode_texts(tokens["input_ids"], tokens["attention_mask"]))


def fetch_medimageinsight(source: str, sha256: str | None, cache: Path) -> tuple[MedImageInsightEncoder, dict[str, str]]:
    """The encoder in ``source``, a copy of ``lion-ai/MedImageInsights``, and the SHA-256 of its files by name.

    Raises :class:`WeightsError` if a file cannot be had, the weights differ from ``sha256``, or files do not fit each other.
    """
    small = [fetch(f"{source}/{name}", cache) for name in (CONFIG, VOCABULARY, MERGES)]
    weights = fetch(f"{source}/{WEIGHTS}", cache, sha256)
    return load_medimageinsight(weights, *small), {file.name: file_digest(file) for file in (weights, *small)}


@lru_cache(maxsize=1)  # the arms of a system are scored one after another
def load_medimageinsight(weights: Path, config: Path, vocabulary: Path, merges: Path) -> MedImageInsightEncoder:
    """Load network and tokenizer in float32. Raises :class:`WeightsError` if the files do not belong together."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from transformers import CLIPTokenizer

    try:
        tokenizer = CLIPTokenizer(vocab=str(vocabulary), merges=str(merges))
    except Exception as error:  # the tokenizers library has no narrower type
        raise WeightsError(f"{vocabulary}: cannot be read with {merges.name}: {error}", "fetch both again") from error
    try:
        settings = yaml.safe_load(config.read_text(encoding="utf-8"))
        with torch.device("meta"):  # no memory for weights that are replaced at once
            network = Network(settings, len(tokenizer))
        network.load_state_dict(renamed(load_file(weights)), assign=True)
        image = settings["IMAGE_ENCODER"]
        (side,) = set(image["IMAGE_SIZE"])
        mean, std = tuple(image["IMAGE_MEAN"]), tuple(image["IMAGE_STD"])
    except (
        OSError,
        KeyError,
        TypeError,
        ValueError,
        RuntimeError,
        yaml.YAMLError,
        SafetensorError,
        StrictDataclassError,
    ) as error:
        raise WeightsError(
            f"{weights}: not MedImageInsight as {config} describes it: {error}",
            "name a complete copy of lion-ai/MedImageInsights, as it is published",
        ) from error
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return MedImageInsightEncoder(tokenizer, network.float().eval().to(device), side, mean, std)


def renamed(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The published tensors under the names that :class:`Network` gives them, without the temperature of training."""
    found = {}
    for name, tensor in tensors.items():
        if name != "logit_scale":
            for pattern, own in _NAMES:
                name = re.sub(pattern, own, name)
            found[name] = tensor
    return found
