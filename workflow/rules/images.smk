"""Standardised images in Parquet shards, decoded once for every model."""


rule standardise_images:
    input:
        captions=rules.read_captions.output.captions,
    output:
        images=layout.images("{shard}", run.images.shards),
        quarantine=layout.images_quarantine("{shard}", run.images.shards),
    log:
        logs / "standardise_images-{shard}.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2_000,
        runtime=60,
    params:
        code=code_digest("radtune.images.standardise"),
        settings=run.images.canonical(),
        seed=run.seed,
    message:
        asking("Standardising images, shard {wildcards.shard}")
    shell:
        "exec python -m radtune --log {log} images standardise --captions {input.captions}"
        " --output {output.images} --quarantine {output.quarantine} --shard {wildcards.shard}"
        " --settings {params.settings:q} --seed {params.seed}"


all_images = layout.all_images(run.images.shards)
