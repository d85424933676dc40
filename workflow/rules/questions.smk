"""Question–answer pairs: written by an LLM and filtered, and pairs whose answers are known by construction."""


rule write_questions:
    input:
        captions=rules.read_captions.output.captions,
    output:
        replies=layout.llm_replies,
    log:
        logs / "write_questions.log",
    conda:
        "../../envs/questions.yaml"
    threads: run.jobs.questions.threads
    resources:
        **asks(
            run.jobs.questions.memory_mb,
            run.jobs.questions.minutes,
            gpus=run.jobs.questions.gpu,
        ),
    params:
        code=code_digest("radtune.questions.write"),
        # A function, so that {port} in a server's command is not taken for a wildcard.
        settings=lambda wildcards: run.questions.writer_canonical(),
        seed=run.seed,
    message:
        asking("Asking the LLM for question–answer pairs", run.jobs.questions.gpu)
    shell:
        python_on(run.jobs.questions.gpu)
        + " radtune --log {log} questions write --captions {input.captions} --output {output.replies}"
        " --settings {params.settings:q} --seed {params.seed}"


rule filter_questions:
    input:
        captions=rules.read_captions.output.captions,
        replies=rules.write_questions.output.replies,
    output:
        pairs=layout.question_pairs,
    log:
        logs / "filter_questions.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        **asks(memory_mb=4_000, minutes=60),
    params:
        code=code_digest("radtune.questions.filter"),
        settings=run.questions.filters.canonical(),
        seed=run.seed,
    message:
        asking("Parsing the replies and filtering the pairs")
    shell:
        "exec python -m radtune --log {log} questions filter --captions {input.captions} --replies {input.replies}"
        " --output {output.pairs} --settings {params.settings:q} --seed {params.seed}"


rule make_known_questions:
    input:
        captions=rules.read_captions.output.captions,
        concepts=rules.read_captions.output.concepts,
        labels=rules.label_modalities.output.labels,
    output:
        pairs=layout.known_pairs,
    log:
        logs / "make_known_questions.log",
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        **asks(memory_mb=4_000, minutes=60),
    params:
        code=code_digest("radtune.questions.known"),
        settings=run.questions.known.canonical(),
        seed=run.seed,
    message:
        asking("Making questions whose answers are known by construction")
    shell:
        "exec python -m radtune --log {log} questions known --captions {input.captions} --concepts {input.concepts}"
        " --labels {input.labels} --output {output.pairs} --settings {params.settings:q} --seed {params.seed}"
