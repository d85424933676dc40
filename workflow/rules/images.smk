"""Standardised images in Parquet shards, decoded once for every model."""


rule standardise_images:
    input:
        # Of every data set: ids of two sets never meet.
        captions=[
            rules.read_captions.output.captions,
            *(layout.further(name).captions for name in run.datasets.further),
        ],
    output:
        images=layout.images("{shard}", run.images.shards),
        quarantine=layout.images_quarantine("{shard}", run.images.shards),
    log:
        logs / "standardise_images-{shard}.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        **asks(memory_mb=2_000, minutes=60),
    params:
        code=code_digest("radtune.images.standardise"),
        settings=run.images.canonical(),
        seed=run.seed,
        captions=lambda wildcards, input: repeated("--captions", input.captions),
    message:
        asking("Standardising images, shard {wildcards.shard}")
    shell:
        "exec python -m radtune --log {log} images standardise {params.captions:q}"
        " --output {output.images} --quarantine {output.quarantine} --shard {wildcards.shard}"
        " --settings {params.settings:q} --seed {params.seed}"


all_images = layout.all_images(run.images.shards)
