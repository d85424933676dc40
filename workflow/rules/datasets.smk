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
            mem_mb=3_000,
            runtime=20,
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


def reading(source, folder, paths, made_by=None):
    """Input and output files and parameters of the rule that reads one data set."""
    layout_of_set = load_format(source.format)
    # Of a folder only the tables are watched; every image's checksum is taken when they are read.
    tables = sorted(
        {path for pattern in layout_of_set.watched for path in folder.glob(pattern)}
    )
    return dict(
        inputs=made_by or tables,
        outputs=dict(
            captions=paths.captions,
            concepts=paths.concepts,
            questions=paths.published_questions,
            quarantine=paths.captions_quarantine,
            **(
                {"unpacked": directory(paths.unpacked)} if layout_of_set.unpacks else {}
            ),
        ),
        params=dict(
            code=code_digest(
                "radtune.datasets.read", f"radtune.datasets.formats.{source.format}"
            ),
            settings=source.reading_canonical(),
            unpacked=str(paths.unpacked),
        ),
    )


READ_COMMAND = (
    "exec python -m radtune --log {log} datasets read --folder {params.folder:q} --name {params.name:q}"
    " --captions {output.captions} --concepts {output.concepts} --questions {output.questions}"
    " --quarantine {output.quarantine} --unpacked {params.unpacked} {params.prefix:q}"
    " --settings {params.settings:q} --seed {params.seed}"
)

dataset_folder = layout.sample_folder if embedded_sample else Path(run.datasets.folder)
first_set = reading(
    run.datasets,
    dataset_folder,
    layout,
    made_by=layout.sample_folder if embedded_sample else None,
)


rule read_captions:
    input:
        first_set["inputs"],
    output:
        **first_set["outputs"],
    log:
        logs / "read_captions.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4_000,
        runtime=60,
    params:
        **first_set["params"],
        seed=run.seed,
        folder=lambda wildcards: str(dataset_folder),
        name=run.datasets.name,
        prefix=[],
    message:
        asking("Reading and checking the image–caption pairs")
    shell:
        READ_COMMAND


for further_name, further_source in run.datasets.further.items():
    further_set = reading(
        further_source, Path(further_source.folder), layout.further(further_name)
    )

    rule:
        name:
            f"read_{further_name}"
        input:
            further_set["inputs"],
        output:
            **further_set["outputs"],
        log:
            logs / f"read_{further_name}.log",
        conda:
            "../../envs/data.yaml"
        threads: 1
        resources:
            mem_mb=4_000,
            runtime=60,
        params:
            **further_set["params"],
            seed=run.seed,
            folder=str(further_source.folder),
            name=further_name,
            # Ids of two data sets never meet.
            prefix=f"--prefix={further_name}/",
        message:
            asking(f"Reading and checking the data set {further_name}")
        shell:
            READ_COMMAND
