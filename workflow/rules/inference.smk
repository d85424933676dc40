"""Predictions on the test split: each model, with and without the predicted modality in its prompt, and the baseline."""

for system in run.systems:
    model = run.models[system]
    asks_questions = "question" in model.generation.tasks
    shards = model.generation.shards

    rule:
        name:
            f"predict_{system}"
        input:
            captions=rules.read_captions.output.captions,
            questions=(
                [
                    rules.filter_questions.output.pairs,
                    rules.make_known_questions.output.pairs,
                ]
                if asks_questions
                else []
            ),
            images=all_images,
            adapter=layout.adapter(system),
            modality_predictions=lambda wildcards: (
                [layout.modality_predictions] if wildcards.arm == "modality" else []
            ),
        output:
            predictions=(
                layout.predictions(system, "{arm}")
                if shards == 1
                else layout.predictions_shard(system, "{arm}", "{shard}", shards)
            ),
        log:
            logs / f"predict_{system}-{{arm}}{'' if shards == 1 else '-{shard}'}.log",
        conda:
            "../../envs/training.yaml"
        threads: model.resources.threads
        resources:
            # TERM comes before the limit: the job saves and ends, and the next attempt goes on from there.
            **asks(
                model.resources.predict_memory_mb,
                model.resources.predict_minutes,
                gpus=min(model.resources.gpu, 1),
                resumes=True,
            ),
        params:
            code=code_digest(
                "radtune.inference.predict",
                f"radtune.models.families.{model.build.family}",
            ),
            settings=PredictStep(
                build=model.build,
                adaptation=model.adaptation,
                generation=model.generation,
            ).canonical(),
            seed=run.seed,
            system=system,
            shard=lambda wildcards: int(wildcards.get("shard", 0)),
            images=lambda wildcards, input: repeated("--images", input.images),
            questions=lambda wildcards, input: repeated("--questions", input.questions),
            modality=lambda wildcards, input: repeated(
                "--modality-predictions", input.modality_predictions
            ),
        message:
            asking(
                f"Predicting with {system}, arm {{wildcards.arm}}"
                + ("" if shards == 1 else f", shard {{wildcards.shard}} of {shards}"),
                min(model.resources.gpu, 1),
            )
        shell:
            python_on(min(model.resources.gpu, 1))
            + " radtune --log {log} inference predict --captions {input.captions} {params.questions:q}"
            " {params.images:q} --adapter {input.adapter} {params.modality:q} --output {output.predictions}"
            " --system {params.system} --arm {wildcards.arm} --shard {params.shard} --settings {params.settings:q}"
            " --seed {params.seed}"

    if shards > 1:

        rule:
            name:
                f"gather_predictions_{system}"
            input:
                captions=rules.read_captions.output.captions,
                questions=(
                    [
                        rules.filter_questions.output.pairs,
                        rules.make_known_questions.output.pairs,
                    ]
                    if asks_questions
                    else []
                ),
                images=all_images,
                shards=[
                    layout.predictions_shard(system, "{arm}", shard, shards)
                    for shard in range(shards)
                ],
            output:
                predictions=layout.predictions(system, "{arm}"),
            log:
                logs / f"gather_predictions_{system}-{{arm}}.log",
            conda:
                "../../envs/data.yaml"
            threads: 1
            resources:
                **asks(memory_mb=2_000, minutes=20),
            params:
                code=code_digest("radtune.inference.gather"),
                settings=PredictStep(
                    build=model.build,
                    adaptation=model.adaptation,
                    generation=model.generation,
                ).canonical(),
                seed=run.seed,
                images=lambda wildcards, input: repeated("--images", input.images),
                questions=lambda wildcards, input: repeated(
                    "--questions", input.questions
                ),
                shards=lambda wildcards, input: repeated("--predictions", input.shards),
            message:
                asking(
                    f"Gathering the {shards} shards of {system}, arm {{wildcards.arm}}"
                )
            shell:
                "exec python -m radtune --log {log} inference gather --captions {input.captions} {params.questions:q}"
                " {params.images:q} {params.shards:q} --output {output.predictions} --settings {params.settings:q}"
                " --seed {params.seed}"


rule draw_random_captions:
    input:
        captions=rules.read_captions.output.captions,
        images=all_images,
    output:
        predictions=layout.predictions(BASELINE, "plain"),
    log:
        logs / "draw_random_captions.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        **asks(memory_mb=2_000, minutes=20),
    params:
        code=code_digest("radtune.inference.baseline"),
        settings=run.baseline.canonical(),
        seed=run.seed,
        images=lambda wildcards, input: repeated("--images", input.images),
    message:
        asking("Drawing the baseline: random training captions for every test image")
    shell:
        "exec python -m radtune --log {log} inference baseline --captions {input.captions} {params.images:q}"
        " --output {output.predictions} --settings {params.settings:q} --seed {params.seed}"
