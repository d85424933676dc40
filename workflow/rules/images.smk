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
        settings=run.images.standardising_canonical(),
        seed=run.seed,
        captions=lambda wildcards, input: repeated("--captions", input.captions),
    message:
        asking("Standardising images, shard {wildcards.shard}")
    shell:
        "exec python -m radtune --log {log} images standardise {params.captions:q}"
        " --output {output.images} --quarantine {output.quarantine} --shard {wildcards.shard}"
        " --settings {params.settings:q} --seed {params.seed}"


all_images = layout.all_images(run.images.shards)


rule find_burned_in_text:
    input:
        images=rules.standardise_images.output.images,
    output:
        burned_in_text=layout.burned_in_text("{shard}", run.images.shards),
    log:
        logs / "find_burned_in_text-{shard}.log",
    conda:
        "../../envs/phi.yaml"
    threads: 1
    resources:
        **asks(memory_mb=1_500, minutes=120),
    params:
        code=code_digest("radtune.images.burned_in_text"),
        settings=run.images.canonical(),
        seed=run.seed,
    message:
        asking("Looking for text burned into the images, shard {wildcards.shard}")
    shell:
        "exec python -m radtune --log {log} images burned-in-text --images {input.images}"
        " --output {output.burned_in_text} --settings {params.settings:q} --seed {params.seed}"


all_burned_in_text = (
    layout.all_burned_in_text(run.images.shards)
    if run.images.burned_in_text.find
    else []
)
