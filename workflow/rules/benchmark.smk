"""The benchmark table, the same by parts of the test set, and the paired tests, over the stored scores of all systems."""

all_scores = [layout.scores(system) for system in (BASELINE, *run.systems)]


rule tabulate_systems:
    input:
        scores=all_scores,
    output:
        table=layout.system_scores,
    log:
        logs / "tabulate_systems.log",
    conda:
        "../../envs/scoring.yaml"
    threads: 1
    resources:
        **asks(memory_mb=4_000, minutes=60),
    params:
        code=code_digest("radtune.benchmark.systems"),
        settings=run.benchmark.canonical(),
        seed=run.seed,
        scores=lambda wildcards, input: repeated("--scores", input.scores),
    message:
        asking("Tabulating all systems with confidence intervals")
    shell:
        "exec python -m radtune --log {log} benchmark systems {params.scores:q} --output {output.table}"
        " --settings {params.settings:q} --seed {params.seed}"


rule tabulate_slices:
    input:
        scores=all_scores,
        captions=rules.read_captions.output.captions,
        concepts=rules.read_captions.output.concepts,
        labels=rules.label_modalities.output.labels,
    output:
        table=layout.slice_scores,
    log:
        logs / "tabulate_slices.log",
    conda:
        "../../envs/scoring.yaml"
    threads: 1
    resources:
        **asks(memory_mb=4_000, minutes=60),
    params:
        code=code_digest("radtune.benchmark.slices"),
        settings=run.benchmark.canonical(),
        seed=run.seed,
        scores=lambda wildcards, input: repeated("--scores", input.scores),
    message:
        asking("Tabulating all systems by parts of the test set")
    shell:
        "exec python -m radtune --log {log} benchmark slices {params.scores:q} --captions {input.captions}"
        " --concepts {input.concepts} --labels {input.labels} --output {output.table}"
        " --settings {params.settings:q} --seed {params.seed}"


rule compare_variants:
    input:
        scores=all_scores,
    output:
        agreement=layout.variant_agreement,
    log:
        logs / "compare_variants.log",
    conda:
        "../../envs/scoring.yaml"
    threads: 1
    resources:
        **asks(memory_mb=4_000, minutes=60),
    params:
        code=code_digest("radtune.benchmark.agreement"),
        settings=run.benchmark.canonical(),
        seed=run.seed,
        scores=lambda wildcards, input: repeated("--scores", input.scores),
    message:
        asking("Comparing variants of metrics")
    shell:
        "exec python -m radtune --log {log} benchmark agreement {params.scores:q} --output {output.agreement}"
        " --settings {params.settings:q} --seed {params.seed}"


rule tabulate_components:
    input:
        predictions=[
            layout.predictions(system, arm)
            for system, arms in arms_of.items()
            for arm in arms
        ],
    output:
        table=layout.caption_components,
    log:
        logs / "tabulate_components.log",
    conda:
        "../../envs/scoring.yaml"
    threads: 1
    resources:
        **asks(memory_mb=4_000, minutes=60),
    params:
        code=code_digest("radtune.benchmark.component_recall"),
        settings=run.benchmark.canonical(),
        seed=run.seed,
        predictions=lambda wildcards, input: repeated(
            "--predictions", input.predictions
        ),
    message:
        asking("Finding the components of captions")
    shell:
        "exec python -m radtune --log {log} benchmark components {params.predictions:q} --output {output.table}"
        " --settings {params.settings:q} --seed {params.seed}"


rule compare_systems:
    input:
        scores=all_scores,
    output:
        comparisons=layout.comparisons,
    log:
        logs / "compare_systems.log",
    conda:
        "../../envs/scoring.yaml"
    threads: 1
    resources:
        **asks(memory_mb=4_000, minutes=60),
    params:
        code=code_digest("radtune.benchmark.compare"),
        settings=run.benchmark.canonical(),
        seed=run.seed,
        scores=lambda wildcards, input: repeated("--scores", input.scores),
    message:
        asking("Testing the differences between systems")
    shell:
        "exec python -m radtune --log {log} benchmark compare {params.scores:q} --output {output.comparisons}"
        " --settings {params.settings:q} --seed {params.seed}"


rule compare_with_papers:
    input:
        table=rules.tabulate_systems.output.table,
        signatures=[layout.metric_signatures(system) for system in run.systems],
    output:
        comparison=layout.paper_comparison,
    log:
        logs / "compare_with_papers.log",
    conda:
        "../../envs/scoring.yaml"
    threads: 1
    resources:
        **asks(memory_mb=2_000, minutes=20),
    params:
        code=code_digest("radtune.benchmark.paper_comparison"),
        settings=run.benchmark.canonical(),
        seed=run.seed,
        signatures=lambda wildcards, input: repeated("--signatures", input.signatures),
    message:
        asking("Putting the papers' numbers beside the measured ones")
    shell:
        "exec python -m radtune --log {log} benchmark papers --table {input.table} {params.signatures:q}"
        " --output {output.comparison} --settings {params.settings:q} --seed {params.seed}"
