"""A trained model as a checkpoint folder of its own, without radtune's adapters: for other tools, or as a `path:` source."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import orjson
from safetensors import SafetensorError

from radtune.errors import ArtifactError, ConfigError
from radtune.models.adaptation import adapt, load_trained_state, merge_adapters
from radtune.models.load import family_class, load_model
from radtune.models.transformers_family import TransformersFamily
from radtune.models.untyped import untyped
from radtune.training.adapter_file import read_adapter_metadata

ORIGIN = "radtune.json"
"""File in the folder that says which training it came from."""


def export(adapter: Path, output: Path, *, weights_cache: Path) -> None:
    """Write the model that ``adapter`` was trained for, with the adapter folded into its weights, to the folder ``output``:
    network and tokenizer as transformers saves them, in the precision of the training, and :data:`ORIGIN`.

    An adapter trained on 4-bit weights is folded into the weights as they were before they were quantised.
    Raises :class:`ConfigError` for a family that is not on transformers' own classes, :class:`ArtifactError` if ``output`` exists
    or cannot be written; it is written whole or not at all.
    """
    metadata = read_adapter_metadata(adapter)
    settings = metadata.settings
    if not issubclass(family_class(settings.build), TransformersFamily):
        raise ConfigError(
            f"{adapter}: {settings.build.family} is not one of transformers' own classes, and only those can be exported",
            "use the adapter with radtune itself",
        )
    if output.exists():
        raise ArtifactError(f"{output}: exists", "name a folder that does not")
    build = settings.build.model_copy(update={"quantisation": "none"})
    model = load_model(build, weights_cache=weights_cache, seed=metadata.seed, precision=settings.training.precision)
    adapt(model, settings.adaptation, seed=metadata.seed)
    load_trained_state(model, adapter)
    merge_adapters(model)

    temporary = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        untyped(model.network).save_pretrained(temporary)
        model.tokenizer.save_pretrained(temporary)
        origin = {"fingerprint": metadata.fingerprint, "seed": metadata.seed, "settings": settings.model_dump(mode="json")}
        (temporary / ORIGIN).write_bytes(orjson.dumps(origin, option=orjson.OPT_INDENT_2))
        temporary.rename(output)
    except (OSError, SafetensorError) as error:  # the latter is how safetensors reports a full disk
        raise ArtifactError(f"{output}: cannot be written: {error}", "free disk space or correct the permissions") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
