"""Image–caption pairs: the embedded sample, or a folder in ROCOv2's published layout."""

embedded_sample = run.datasets.folder is None

if embedded_sample:

    rule make_sample:
        output:
            folder=directory(layout.sample_folder),
            sources=layout.sample_sources,
            quarantine=layout.sample_quarantine,
        log:
            logs / "make_sample.log",
        conda:
            "../../envs/data.yaml"
        threads: 1
        resources:
            **asks(memory_mb=3_000, minutes=20),
        params:
            code=code_digest("radtune.datasets.sample"),
            settings=run.datasets.sample.canonical(),
            seed=run.seed,
        message:
            asking("Making the embedded sample from the images that pip packages carry")
        shell:
            "exec python -m radtune --log {log} datasets make-sample"
            " --folder {output.folder} --sources {output.sources} --quarantine {output.quarantine}"
            " --settings {params.settings:q} --seed {params.seed}"


fetched_sets = {
    Path(source.folder) / RECEIPT: (name, source)
    for name, source in sets_of(run).items()
    if is_fetched(source)
}
"""Data sets whose folders are filled by a fetch, by their receipts. A folder filled by hand has no rule that could touch it."""

for receipt, (fetched_name, fetched_source) in fetched_sets.items():

    rule:
        name:
            f"fetch_{fetched_name.replace(' ', '_')}"
        output:
            # The receipt only, and never deleted before the command looks at it: Snakemake has no hold on the data.
            update(receipt),
        log:
            logs / f"fetch_{fetched_name.replace(' ', '_')}.log",
        # Compute nodes seldom have the internet; the node that runs Snakemake mostly does.
        localrule: True
        conda:
            "../../envs/data.yaml"
        params:
            config=str(layout.config),
            name=fetched_name,
        message:
            f"Fetching {fetched_name} into {fetched_source.folder}"
        shell:
            "exec python -m radtune --log {log} datasets fetch --config {params.config:q} --only {params.name:q}"


READ_COMMAND = (
    "exec python -m radtune --log {log} datasets read --folder {params.folder:q} --name {params.name:q}"
    " --captions {output.captions} --concepts {output.concepts} --questions {output.questions}"
    " --quarantine {output.quarantine} --unpacked {params.unpacked} {params.prefix:q}"
    " --settings {params.settings:q} --seed {params.seed}"
)

dataset_folder = layout.sample_folder if embedded_sample else Path(run.datasets.folder)
receipt_of = lambda folder: (
    folder / RECEIPT if folder / RECEIPT in fetched_sets else None
)
first_set = read_rule(
    run.datasets,
    layout,
    made_by=layout.sample_folder if embedded_sample else receipt_of(dataset_folder),
)


rule read_captions:
    input:
        first_set.inputs,
    output:
        **first_set.outputs,
    log:
        logs / "read_captions.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        **asks(memory_mb=4_000, minutes=60),
    params:
        **first_set.params,
        seed=run.seed,
        folder=lambda wildcards: str(dataset_folder),
        name=run.datasets.name,
        prefix=[],
    message:
        asking("Reading and checking the image–caption pairs")
    shell:
        READ_COMMAND


for further_name, further_source in run.datasets.further.items():
    further_set = read_rule(
        further_source,
        layout.further(further_name),
        made_by=receipt_of(Path(further_source.folder)),
    )

    rule:
        name:
            f"read_{further_name}"
        input:
            further_set.inputs,
        output:
            **further_set.outputs,
        log:
            logs / f"read_{further_name}.log",
        conda:
            "../../envs/data.yaml"
        threads: 1
        resources:
            **asks(memory_mb=4_000, minutes=60),
        params:
            **further_set.params,
            seed=run.seed,
            folder=str(further_source.folder),
            name=further_name,
            # Ids of two data sets never meet.
            prefix=f"--prefix={further_name}/",
        message:
            asking(f"Reading and checking the data set {further_name}")
        shell:
            READ_COMMAND


rule find_leakage:
    input:
        captions=[
            layout.captions,
            *(layout.further(name).captions for name in sorted(run.datasets.further)),
        ],
        images=layout.all_images(run.images.shards),
    output:
        leakage=layout.leakage,
    log:
        logs / "find_leakage.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        **asks(memory_mb=4_000, minutes=60),
    params:
        code=code_digest("radtune.datasets.leakage"),
        settings=run.datasets.leakage.finding_canonical(),
        seed=run.seed,
        captions=lambda wildcards, input: repeated("--captions", input.captions),
        images=lambda wildcards, input: repeated("--images", input.images),
    message:
        asking("Looking for overlap between splits and between data sets")
    shell:
        "exec python -m radtune --log {log} datasets leakage {params.captions:q} {params.images:q}"
        " --output {output.leakage} --settings {params.settings:q} --seed {params.seed}"


# Without a gate, training does not wait for the search, nor is it done again when more is found.
gated = [layout.leakage] if run.datasets.leakage.gate != "warn" else []
