"""What the Snakemake workflow asks of radtune: params, targets, preflight."""
