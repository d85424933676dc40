import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file, save_file
from torchvision.transforms import Compose, InterpolationMode, Normalize, Resize, ToTensor

from metrics.tiny_checkpoints import (
    MEDIMAGEINSIGHT_CONFIG,
    TEXTS,
    draw_pictures,
    medimageinsight_config,
    medimageinsight_shapes,
    write_medimageinsight,
)
from radtune.artifacts.digests import file_digest
from radtune.config.metrics import MetricSettings
from radtune.errors import WeightsError
from radtune.metrics.image_text import normalised_pixels, text_vectors
from radtune.metrics.medimageinsight import (
    CONFIG,
    MERGES,
    VOCABULARY,
    WEIGHTS,
    MedImageInsightEncoder,
    Network,
    fetch_medimageinsight,
    renamed,
)

REFERENCES = json.loads((Path(__file__).parent / "medimageinsight_references.json").read_text())
NOWHERE = Path("none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_medimageinsight(tmp_path_factory.mktemp("medimageinsight"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> MedImageInsightEncoder:
    torch.set_num_threads(1)
    return fetch_medimageinsight(f"path:{folder}", None, NOWHERE)[0]


def test_vectors_equal_those_of_the_original_package(encoder: MedImageInsightEncoder) -> None:
    images = encoder.encode_images(draw_pictures())
    texts = encoder.encode_texts([*TEXTS, " ".join(TEXTS)])  # the last one is cut
    torch.testing.assert_close(images, torch.tensor(REFERENCES["image_embeddings"]), atol=1e-5, rtol=0)
    torch.testing.assert_close(texts, torch.tensor(REFERENCES["text_embeddings"]), atol=1e-5, rtol=0)
    for vectors in (images, texts):  # so that the comparison means something
        assert (vectors @ vectors.T).min() < 0.81


def test_the_published_network_takes_every_tensor_of_the_original() -> None:
    shapes = sorted((name, list(shape)) for name, shape in medimageinsight_shapes(medimageinsight_config(), 49_408))
    assert hashlib.sha256(json.dumps(shapes).encode()).hexdigest() == REFERENCES["published_shapes_sha256"]
    with torch.device("meta"):
        network = Network(medimageinsight_config(), 49_408)
        network.load_state_dict(renamed({name: torch.empty(shape) for name, shape in shapes}), assign=True)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert parameters == REFERENCES["published_parameters"] - 1  # the temperature
    assert round(4 * parameters / 1e9, 2) == 2.46  # as the hub shows the file in float32


def test_the_published_weights_give_published_cosines(weights_cache: Path) -> None:
    """Those of https://alphahinex.github.io/2026/01/25/dive-into-embedding-model/, which are of the original code."""
    source = MetricSettings().similarity_source
    if not (weights_cache / "hub/models--lion-ai--MedImageInsights").is_dir():
        pytest.skip(f"no published weights here: radtune weights fetch {source}/{WEIGHTS}")
    spine, chest, desktop = fetch_medimageinsight(source, None, weights_cache)[0].encode_texts(
        ["lumbar spine", "chest", "desktop"]
    )
    assert [float(spine @ chest), float(spine @ desktop), float(chest @ desktop)] == pytest.approx(
        [0.728603, 0.33807534, 0.38285893], abs=1e-4
    )


def test_images_are_squeezed_into_a_square() -> None:
    prepare = Compose(
        [
            Resize((72, 72), InterpolationMode.BICUBIC),
            ToTensor(),
            Normalize(mean := (0.485, 0.456, 0.406), deviation := (0.229, 0.224, 0.225)),
        ]
    )
    for picture in draw_pictures():
        square = picture.resize((72, 72), Image.Resampling.BICUBIC)
        torch.testing.assert_close(normalised_pixels(square, mean, deviation), prepare(picture))


def test_vectors_do_not_depend_on_the_batch(encoder: MedImageInsightEncoder) -> None:
    texts = ["", "CT", *TEXTS, " ".join(TEXTS)]
    alone, together = (text_vectors(encoder, given, size) for given, size in ((texts, 1), (texts[::-1], 64)))
    for text in texts:
        torch.testing.assert_close(alone[text], together[text], atol=1e-6, rtol=0)
    pictures = draw_pictures()
    one = torch.cat([encoder.encode_images([picture]) for picture in pictures])
    torch.testing.assert_close(one, encoder.encode_images(pictures), atol=1e-6, rtol=0)


def test_a_text_is_read_in_both_directions_and_cut_at_77_tokens(encoder: MedImageInsightEncoder) -> None:
    long = "x " * 75
    first, changed_early, cut, changed_beyond = encoder.encode_texts([long, "y " + long[2:], long + "x", long + "y"])
    assert (first - changed_early).abs().max() > 1e-3
    assert torch.equal(cut, changed_beyond)
    ends = encoder.tokenizer([long], truncation=True, max_length=77)["input_ids"][0]
    assert len(ends) == 77
    assert ends[-1] == max(encoder.tokenizer.get_vocab().values())


def test_every_file_is_named_with_its_digest(folder: Path) -> None:
    _, digests = fetch_medimageinsight(f"path:{folder}", file_digest(folder / WEIGHTS), NOWHERE)
    assert digests[Path(WEIGHTS).name] == file_digest(folder / WEIGHTS)
    assert set(digests) == {"medimageinsigt-v1.0.0.pt", "config.yaml", "vocab.json", "merges.txt"}
    with pytest.raises(WeightsError, match="the config says 0000"):
        fetch_medimageinsight(f"path:{folder}", "0" * 64, NOWHERE)


def test_what_is_no_such_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    def refused(match: str) -> None:
        with pytest.raises(WeightsError, match=match):
            fetch_medimageinsight(f"path:{tmp_path}", None, NOWHERE)

    refused(r"config\.yaml: no such file")
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    tensors = load_file(folder / WEIGHTS)
    save_file({name: tensor for name, tensor in tensors.items() if name != "image_projection"}, tmp_path / WEIGHTS)
    refused(r"not MedImageInsight[\s\S]*image_projection")
    save_file(tensors | {"lang_encoder.resblocks.2.ln_1.bias": torch.zeros(24)}, tmp_path / WEIGHTS)
    refused(r"not MedImageInsight[\s\S]*text_tower\.layers\.2\.norm1\.bias")
    torch.save(tensors, tmp_path / WEIGHTS)  # a pickle is not even looked into
    refused("not MedImageInsight")
    whole = (tmp_path / VOCABULARY).read_bytes()
    (tmp_path / VOCABULARY).write_bytes(whole[: len(whole) // 2])
    refused(r"vocab\.json: cannot be read with merges\.txt")
    (tmp_path / VOCABULARY).write_bytes(whole)

    shutil.copy(folder / WEIGHTS, tmp_path / WEIGHTS)
    config = MEDIMAGEINSIGHT_CONFIG
    for part, change in (("LANG_ENCODER", {"AUTOGRESSIVE": True}), ("IMAGE_ENCODER", {"IMAGE_SIZE": [72, 48]})):
        (tmp_path / CONFIG).write_text(yaml.safe_dump(config | {part: config[part] | change}))
        refused("not MedImageInsight as .*config.yaml describes it")
    for text in ("", "IMAGE_ENCODER: [", "!!python/object/apply:os.getcwd []"):
        (tmp_path / CONFIG).write_text(text)
        refused("not MedImageInsight as .*config.yaml describes it")
    (tmp_path / MERGES).unlink()
    refused(r"merges\.txt: no such file")
