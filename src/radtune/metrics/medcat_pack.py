"""Load a user's MedCAT 2 model pack, such as one of the whole UMLS, which may not be redistributed.

Of a pack only what finds concepts is read: the concept database ``cdb``, the vocabulary ``vocab`` and, where it was made with
spaCy, its tokenizer. Meta-annotations (negation and so on) are not: the metrics do not look at them, and they are networks.

MedCAT keeps database and vocabulary as pickles, which can run any code when they are read. Here they are read by an unpickler
that knows the names in :data:`KNOWN` and the plain settings of ``medcat.config``, and refuses every other.
"""

from __future__ import annotations

import importlib
import pickle
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

from medcat.cat import CAT
from medcat.storage.schema import DEFAULT_SCHEMA_FILE, load_schema
from medcat.storage.serialisers import SER_TYPE_FILE, DillSerialiser

from radtune.artifacts.digests import file_digest
from radtune.config.metrics import ConceptTypes
from radtune.errors import UnavailableError, WeightsError
from radtune.metrics.concept_extraction import Extractor, make_extractor
from radtune.metrics.semantic_groups import MEDCON, SEMANTIC_GROUPS

KNOWN: Final = frozenset(
    {
        ("builtins", "bytearray"),
        ("builtins", "complex"),
        ("builtins", "frozenset"),
        ("builtins", "set"),
        ("collections", "Counter"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("dill._dill", "_create_array"),
        ("medcat.cdb.cdb", "CDB"),
        ("medcat.cdb.concepts", "TypeInfo"),
        ("medcat.storage.serialisers", "AvailableSerialisers"),
        ("medcat.utils.envsnapshot", "Environment"),
        ("medcat.vocab", "Vocab"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
    }
)
"""Names that a database and a vocabulary may hold: containers, numbers, dates, arrays and MedCAT's own records."""

SETTINGS_MODULES: Final = frozenset({"medcat.config.config", "medcat.config.config_meta_cat", "medcat.config.config_rel_cat"})
"""Modules whose classes are known too: MedCAT's settings, which are pydantic models."""

TOKENIZER: Final = "tokenizer_internals_"
"""Beginning of the name of the folder that holds spaCy's tokenizer."""


def pack_digests(path: Path) -> dict[str, str]:
    """SHA-256 of the pack: of the .zip, or of each file of the folder that is read, by its name in there."""
    if path.is_file():
        return {path.name: file_digest(path)}
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    names = {file.relative_to(path).as_posix(): file for file in files}
    return {name: file_digest(file) for name, file in names.items() if _is_read(name)}


@lru_cache(maxsize=1)  # the arms of a system are scored one after another, and a pack of the UMLS takes minutes to load
def load_extractor(path: Path, types: ConceptTypes) -> Extractor:
    """Load the pack at ``path``, a folder or a .zip, and count concepts of the chosen semantic types only.

    ``all`` takes the concepts that have any of the UMLS's types, as ImageCLEFmedical's evaluator does, or every concept of a pack
    without types. ``medcon`` takes those of MEDCON's types. Names are matched by the pack's own settings.

    Raises :class:`WeightsError` if it is no pack of MedCAT 2 or holds what is not read, and :class:`UnavailableError` if MEDCON's
    types are asked for and it has none of them.
    """
    with _unpacked(path) as folder:
        database = _load(folder / "cdb", path)
        vocabulary = _load(folder / "vocab", path)
        config = database.config
        for part in config.components.comp_order:
            if (name := getattr(config.components, part).comp_name) != "default":
                raise WeightsError(f"{path}: its {part} is {name!r}", "save the pack with MedCAT's default components")
        config.components.addons = []
        config.general.usage_monitor.enabled = False
        tokenizer = config.general.nlp
        if tokenizer.provider == "spacy":
            tokenizer.modelname = str(folder / Path(tokenizer.modelname).name)
            if not Path(tokenizer.modelname).is_dir():  # MedCAT would then install one by `spacy download`
                raise WeightsError(f"{path}: lacks {Path(tokenizer.modelname).name}", "save the pack with its tokenizer")
        elif tokenizer.provider != "regex":
            raise WeightsError(f"{path}: its tokenizer is {tokenizer.provider!r}", "use a pack with MedCAT's own or spaCy's")
        wanted = MEDCON if types == "medcon" else frozenset().union(*SEMANTIC_GROUPS.values())
        cuis = {cui for type_id in wanted if (info := database.type_id2info.get(type_id)) for cui in info.cuis}
        if types == "medcon" and not cuis:
            raise UnavailableError(f"{path}: no concept has a type of MEDCON", "set metrics.concept_types to all")
        config.components.linking.filters.cuis = cuis
        return make_extractor(CAT(database, vocabulary))


def _is_read(name: str) -> bool:
    """Whether the file ``name`` of a pack (a path in it) is one of those that are read."""
    first = PurePosixPath(name).parts[0]
    return first in {"cdb", "vocab"} or first.startswith(TOKENIZER)


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """The pack's folder: ``path`` itself, or what a .zip holds, in a folder that does not stay."""
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                members = [member for member in archive.infolist() if not member.is_dir() and _is_read(member.filename)]
                size = sum(member.file_size for member in members)
                if size > shutil.disk_usage(folder).free:
                    raise WeightsError(f"{path}: unpacked it takes {size} bytes, more than {folder} has", "set TMPDIR")
                for member in members:
                    if ".." in PurePosixPath(member.filename).parts:
                        raise WeightsError(f"{path}: {member.filename!r} would be written outside its folder")
                    archive.extract(member, folder)
        except (OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:  # RuntimeError: encrypted
            raise WeightsError(f"{path}: cannot be unpacked: {error}", "give a folder or an intact .zip") from error
        yield Path(folder)


def _load(folder: Path, path: Path) -> Any:
    """The database or vocabulary in ``folder``, once all that it consists of is known to be harmless; ``path`` is the pack."""
    if not folder.is_dir():
        raise WeightsError(
            f"{path}: holds no folder {folder.name}, so it is no pack of MedCAT 2",
            "one of MedCAT 1 that you trust can be read and saved again by MedCAT 2 (CAT.load_model_pack, save_model_pack)",
        )
    try:
        for file in folder.rglob(SER_TYPE_FILE):
            if (kind := file.read_text().strip()) != "dill":
                raise WeightsError(f"{path}: {folder.name} is saved as {kind!r}", "save it in MedCAT's default format, dill")
        for file in folder.rglob(DEFAULT_SCHEMA_FILE):
            # Read by MedCAT's own function, since MedCAT imports and calls what that gives.
            _require_known(*load_schema(str(file))[0].rsplit(".", 1))
        return _Serialiser().deserialise_all(str(folder))
    except WeightsError:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        raise WeightsError(f"{path}: {folder.name} cannot be read: {error}", "give a model pack as MedCAT 2 saves it") from error


def is_known(module: str, name: str) -> bool:
    """Whether ``name`` of ``module`` may be called while a pack is read.

    A module also holds what it imports, so a name that is not listed has to be a class that its own module of settings defines.
    """
    if (module, name) in KNOWN:
        return True
    if module not in SETTINGS_MODULES or "." in name:
        return False
    found = getattr(importlib.import_module(module), name, None)
    return isinstance(found, type) and found.__module__ == module


def _require_known(module: str, name: str) -> None:
    if not is_known(module, name):
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no part of a database or vocabulary")


class _Unpickler(pickle.Unpickler):
    """Resolves known names only: a pickle can run nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The object called ``name`` in ``module``."""
        _require_known(module, name)
        return super().find_class(module, name)


class _Serialiser(DillSerialiser):
    """MedCAT's own reader of a folder, with the unpickler above in place of dill's."""

    def deserialise(self, target_file: str) -> dict[str, Any]:
        """Attributes of one object, by name."""
        with Path(target_file).open("rb") as file:
            parts: dict[str, Any] = _Unpickler(file).load()
        return parts
