"""Mixes: which rows a training run sees, one rule a mix."""

for mix_name in sorted({run.models[system].training.mix for system in run.systems}):
    mix_settings = run.mixes[mix_name]

    rule:
        name:
            f"build_mix_{mix_name}"
        input:
            captions=[
                layout.captions,
                *(layout.further(name).captions for name in mix_settings.sets),
            ],
            images=all_images,
            # A mix without questions must not wait for the LLM, nor be made again when its replies change.
            questions=(
                [rules.filter_questions.output.pairs] if mix_settings.questions else []
            ),
            known=(
                [rules.make_known_questions.output.pairs]
                if mix_settings.questions and "known" in mix_settings.annealing
                else []
            ),
            leakage=gated,
            published=(
                [
                    layout.published_questions,
                    *(
                        layout.further(name).published_questions
                        for name in mix_settings.sets
                    ),
                ]
                if mix_settings.questions
                else []
            ),
        output:
            mix=layout.mix(mix_name),
            quarantine=layout.mix_quarantine(mix_name),
        log:
            logs / f"build_mix_{mix_name}.log",
        conda:
            "../../envs/data.yaml"
        threads: 1
        resources:
            **asks(memory_mb=4_000, minutes=60),
        params:
            code=code_digest("radtune.mixes.build"),
            settings=mix_settings.canonical(),
            seed=run.seed,
            captions=lambda wildcards, input: repeated("--captions", input.captions),
            images=lambda wildcards, input: repeated("--images", input.images),
            questions=lambda wildcards, input: repeated("--questions", input.questions),
            known=lambda wildcards, input: repeated("--known", input.known),
            published=lambda wildcards, input: repeated("--published", input.published),
            gate=lambda wildcards, input: gate_options(
                run.datasets.leakage, input.leakage
            ),
        message:
            asking("Mixing the rows of {output.mix}")
        shell:
            "exec python -m radtune --log {log} mixes build {params.captions:q} {params.images:q}"
            " {params.questions:q} {params.known:q} {params.published:q} {params.gate:q} --output {output.mix}"
            " --quarantine {output.quarantine}"
            " --settings {params.settings:q} --seed {params.seed}"
