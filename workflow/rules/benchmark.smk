"""The benchmark table and the paired tests, over the stored scores of all systems."""

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
        mem_mb=4_000,
        runtime=60,
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
        mem_mb=4_000,
        runtime=60,
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
