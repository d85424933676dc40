"""Scores, one rule a system, and the targets that build one model's whole branch: ``snakemake <model>``."""

arms_of = {BASELINE: ["plain"]} | {
    system: list(run.models[system].generation.arms) for system in run.systems
}

for system, arms in arms_of.items():

    rule:
        name:
            f"score_{system}"
        input:
            predictions=[layout.predictions(system, arm) for arm in arms],
            captions=rules.read_captions.output.captions,
            concepts=rules.read_captions.output.concepts,
            labels=rules.label_modalities.output.labels,
            images=all_images,
        output:
            scores=layout.scores(system),
            signatures=layout.metric_signatures(system),
        log:
            logs / f"score_{system}.log",
        conda:
            "../../envs/scoring.yaml"
        threads: run.jobs.metrics.threads
        resources:
            **asks(
                run.jobs.metrics.memory_mb,
                run.jobs.metrics.minutes,
                gpus=run.jobs.metrics.gpu,
            ),
        params:
            code=code_digest("radtune.metrics.score"),
            settings=run.metrics.canonical(),
            seed=run.seed,
            predictions=lambda wildcards, input: repeated(
                "--predictions", input.predictions
            ),
            images=lambda wildcards, input: repeated("--images", input.images),
        message:
            asking(f"Scoring {system}", run.jobs.metrics.gpu)
        shell:
            python_on(run.jobs.metrics.gpu)
            + " radtune --log {log} metrics score {params.predictions:q} --captions {input.captions}"
            " --concepts {input.concepts} --labels {input.labels} {params.images:q}"
            " --scores {output.scores} --signatures {output.signatures} --settings {params.settings:q} --seed {params.seed}"

    if system != BASELINE:

        rule:
            name:
                system
            input:
                layout.scores(system),
            localrule: True
