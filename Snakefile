"""radtune: from raw radiology archives to an audited benchmark of fine-tuned vision–language models."""

import sys
from functools import cache, partial
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")


configfile: "config.yaml"


# The package is taken from this clone, by this process and by every job, whatever environment a job runs in.
source = Path(workflow.basedir) / "src"
sys.path.insert(0, str(source))

from radtune.artifacts.code_digest import code_digest
from radtune.artifacts.layout import BASELINE, Layout
from radtune.config.base import validated
from radtune.config.models import PredictStep, TrainStep
from radtune.config.run import RadtuneConfig
from radtune.datasets.receipt import RECEIPT
from radtune.datasets.status import is_fetched, sets_of
from radtune.errors import ConfigError
from radtune.workflow.config_record import record_config
from radtune.workflow.dataset_rules import gate_options, read_rule
from radtune.workflow.environment import export_to_jobs
from radtune.workflow.resources import asked_for, read_site
from radtune.workflow.rules import asking, python_on, repeated, report_files

try:
    run = validated(RadtuneConfig, config, where="configuration")
    site = read_site(Path(workflow.basedir))
except ConfigError as error:
    raise WorkflowError(str(error)) from None

asks = partial(asked_for, site)

# Of one Snakemake the code is one: hundreds of rules ask for the digests of a few steps.
code_digest = cache(code_digest)

layout = Layout(Path("results") / run.run)
logs = layout.run / "logs"
export_to_jobs(source, run.weights_cache, site.scratch, elsewhere=workflow.remote_exec)


wildcard_constraints:
    shard=r"\d{5}",
    arm="plain|modality",


include: "workflow/rules/datasets.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/modality.smk"
include: "workflow/rules/questions.smk"
include: "workflow/rules/mixes.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/inference.smk"
include: "workflow/rules/metrics.smk"
include: "workflow/rules/benchmark.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        layout.report,
        all_burned_in_text,
    localrule: True


onstart:
    record_config(run, layout.config)
    elsewhere = "--cluster" if workflow.executor_plugin.name != "local" else ""
    shell(f"python -m radtune preflight --config {layout.config} {elsewhere}")
