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


dataset_folder = layout.sample_folder if embedded_sample else Path(run.datasets.folder)
# Of a folder only the tables are watched; every image's checksum is taken when they are read.
dataset_files = (
    [dataset_folder] if embedded_sample else sorted(dataset_folder.glob("*.csv"))
)


rule read_captions:
    input:
        dataset_files,
    output:
        captions=layout.captions,
        concepts=layout.concepts,
        quarantine=layout.captions_quarantine,
    log:
        logs / "read_captions.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4_000,
        runtime=60,
    params:
        code=code_digest("radtune.datasets.rocov2"),
        settings=run.datasets.canonical(),
        seed=run.seed,
        folder=lambda wildcards: str(dataset_folder),
    message:
        asking("Reading and checking the image–caption pairs")
    shell:
        "exec python -m radtune --log {log} datasets read-rocov2 --folder {params.folder:q}"
        " --captions {output.captions} --concepts {output.concepts} --quarantine {output.quarantine}"
        " --settings {params.settings:q} --seed {params.seed}"
