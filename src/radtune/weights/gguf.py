"""De-quantise a GGUF language model once, into a checkpoint folder that every transformers loader reads.

By default transformers keeps GGUF weights packed: its matrix products are then slow and the model can be neither saved
nor fine-tuned. A de-quantised copy (bfloat16, two bytes a parameter) is an ordinary model.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from filelock import FileLock

from radtune.artifacts.digests import file_digest
from radtune.errors import WeightsError


def dequantised(gguf: Path, cache: Path) -> Path:
    """Return the folder below ``cache`` that holds ``gguf`` as bfloat16 safetensors, with tokenizer and chat template.

    It is made at the first call (processes that ask together wait for one of them), named after the digest of ``gguf`` and
    moved into place only when it is whole. Nothing is asked of the model hub.
    Raises :class:`WeightsError` if ``gguf`` is not a GGUF language model that transformers knows.
    """
    if not gguf.is_file():
        raise WeightsError(f"{gguf}: no such GGUF file", "correct the source in the config")
    folder = cache / "dequantised" / f"{gguf.stem}-{file_digest(gguf)[:16]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f"{folder.name}.lock"):
        if not folder.is_dir():
            temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
            try:
                _convert(gguf, temporary)
                for made in (temporary, *temporary.iterdir()):  # temporary files are private; a cache may be shared by a group
                    made.chmod(0o755 if made.is_dir() else 0o644)
                temporary.rename(folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    try:
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            gguf_file=gguf.name,
            dtype=torch.bfloat16,
            quantization_config=GgufConfig(dequantize=True),
            local_files_only=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
    except (ValueError, KeyError, NotImplementedError) as error:
        raise WeightsError(
            f"{gguf}: cannot be read as a GGUF language model: {error}",
            "delete it to fetch it again, or name a model whose architecture transformers can read from GGUF",
        ) from error
    try:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except OSError as error:
        raise WeightsError(f"{folder}: cannot be written: {error}", "free disk space in the weights cache") from error
