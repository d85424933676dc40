"""Training, one rule a model, so that one model's branch can be addressed: ``-R train_<model>``.

Resumable states lie beside the outputs and are not declared: Snakemake deletes what is declared when a job fails.

The number of GPUs is in the command and not in a param, so that another number retrains nothing.
"""

for system in run.systems:
    model = run.models[system]

    rule:
        name:
            f"train_{system}"
        input:
            mix=layout.mix(model.training.mix),
            images=all_images,
        output:
            adapter=layout.adapter(system),
            training_log=layout.training_log(system),
            trained_modules=layout.trained_modules(system),
        log:
            logs / f"train_{system}.log",
        conda:
            "../../envs/training.yaml"
        threads: model.resources.threads
        resources:
            # TERM comes before the limit: the job saves and ends, and the next attempt goes on from there.
            **asks(
                model.resources.train_memory_mb,
                model.resources.train_minutes,
                gpus=model.resources.gpu,
                resumes=True,
            ),
        params:
            code=code_digest(
                "radtune.training.train",
                f"radtune.models.families.{model.build.family}",
            ),
            settings=TrainStep(
                build=model.build, adaptation=model.adaptation, training=model.training
            ).canonical(),
            seed=run.seed,
            checkpoints=str(layout.checkpoints(system)),
            images=lambda wildcards, input: repeated("--images", input.images),
        message:
            asking(f"Training {system}", model.resources.gpu)
        shell:
            python_on(model.resources.gpu)
            + " radtune --log {log} training train --mix {input.mix} {params.images:q}"
            " --adapter {output.adapter} --training-log {output.training_log}"
            " --trained-modules {output.trained_modules} --checkpoints {params.checkpoints:q}"
            " --settings {params.settings:q} --seed {params.seed}"
