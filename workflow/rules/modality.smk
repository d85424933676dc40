"""Modality of every image: labels from CUIs, a classifier trained on them, calibrated predictions."""


rule label_modalities:
    input:
        captions=rules.read_captions.output.captions,
    output:
        labels=layout.modality_labels,
    log:
        logs / "label_modalities.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        **asks(memory_mb=2_000, minutes=20),
    params:
        code=code_digest("radtune.modality.labels"),
        settings=run.modality.labels.canonical(),
        seed=run.seed,
    message:
        asking("Deriving modality labels from CUIs")
    shell:
        "exec python -m radtune --log {log} modality label --captions {input.captions} --output {output.labels}"
        " --settings {params.settings:q} --seed {params.seed}"


rule train_modality_classifier:
    input:
        labels=rules.label_modalities.output.labels,
        images=all_images,
        leakage=gated,
    output:
        classifier=layout.modality_classifier,
        training_log=layout.modality_training_log,
    log:
        logs / "train_modality_classifier.log",
    conda:
        "../../envs/training.yaml"
    threads: run.jobs.modality.threads
    resources:
        **asks(
            run.jobs.modality.memory_mb,
            run.jobs.modality.minutes,
            gpus=run.jobs.modality.gpu,
        ),
    params:
        code=code_digest("radtune.modality.train"),
        settings=run.modality.classifier_canonical(),
        seed=run.seed,
        images=lambda wildcards, input: repeated("--images", input.images),
        gate=lambda wildcards, input: gate_options(run.datasets.leakage, input.leakage),
    message:
        asking("Training the modality classifier", run.jobs.modality.gpu)
    shell:
        python_on(run.jobs.modality.gpu)
        + " radtune --log {log} modality train --labels {input.labels} {params.images:q} {params.gate:q}"
        " --classifier {output.classifier} --training-log {output.training_log}"
        " --settings {params.settings:q} --seed {params.seed}"


rule predict_modalities:
    input:
        labels=rules.label_modalities.output.labels,
        images=all_images,
        classifier=rules.train_modality_classifier.output.classifier,
    output:
        predictions=layout.modality_predictions,
        report=layout.classification_report,
        confusion=layout.confusion_matrix,
        calibration=layout.calibration,
    log:
        logs / "predict_modalities.log",
    conda:
        "../../envs/training.yaml"
    threads: run.jobs.modality.threads
    resources:
        **asks(
            run.jobs.modality.memory_mb,
            run.jobs.modality.minutes,
            gpus=run.jobs.modality.gpu,
        ),
    params:
        code=code_digest("radtune.modality.predict"),
        settings=run.modality.classifier_canonical(),
        seed=run.seed,
        images=lambda wildcards, input: repeated("--images", input.images),
    message:
        asking(
            "Predicting the modality of every image and calibrating the probabilities",
            run.jobs.modality.gpu,
        )
    shell:
        python_on(run.jobs.modality.gpu)
        + " radtune --log {log} modality predict --labels {input.labels} {params.images:q}"
        " --classifier {input.classifier} --predictions {output.predictions} --report {output.report}"
        " --confusion {output.confusion} --calibration {output.calibration}"
        " --settings {params.settings:q} --seed {params.seed}"
