"""The report: one static site over every artifact of the run."""


rule build_report:
    input:
        rules.tabulate_systems.output.table,
        rules.compare_systems.output.comparisons,
        rules.compare_with_papers.output.comparison,
        rules.tabulate_slices.output.table,
        rules.compare_variants.output.agreement,
        rules.tabulate_components.output.table,
        rules.read_captions.output,
        rules.find_leakage.output.leakage,
        rules.predict_modalities.output,
        rules.filter_questions.output.pairs,
        rules.make_known_questions.output.pairs,
        all_images,
        all_burned_in_text,
        all_scores,
        [layout.trained_modules(system) for system in run.systems],
        # Templates and styles are no Python, so the digest of the code does not see them.
        files=report_files(),
    output:
        page=layout.report,
    log:
        logs / "build_report.log",
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        **asks(memory_mb=4_000, minutes=60),
    params:
        code=code_digest("radtune.report.site"),
        settings=run.report.canonical(),
        seed=run.seed,
        run=lambda wildcards, output: str(Path(output.page).parents[1]),
    message:
        asking("Building the report")
    shell:
        "exec python -m radtune --log {log} report build --run {params.run:q} --output {output.page}"
        " --settings {params.settings:q} --seed {params.seed}"
