# radtune: `make run` takes the embedded sample from archive to report; `make test` runs every test.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.PHONY: help setup prefetch run test bench lint clean

PYTHON ?= python3.11
CORES ?= all
# Another data set: make run FOLDER=path/to/a/folder/in/ROCOv2/layout; the run is called as the folder unless RUN says otherwise.
FOLDER ?=
RUN ?= $(if $(FOLDER),$(subst -,_,$(notdir $(FOLDER:/=))),sample)
OVERLAYS ?= workflow/runs/sample.yaml

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ifdef FOLDER
FOLDER_OVERLAY := .snakemake/make-run-folder.yaml
endif

help: ## Show what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): envs/requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --requirement envs/requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

setup: $(READY) ## Make .venv with the pinned packages

prefetch: $(READY) ## Fetch all weights, packages and data sets of a run (OVERLAYS= for the published one)
	$(BIN)/radtune prefetch --config config.yaml $(addprefix --config ,$(OVERLAYS))

# The lock makes a second `make run` wait for what a killed one left running, so that two never write side by side;
# whoever holds it may clear the lock that a killed Snakemake left behind.
run: $(READY) ## Run the whole workflow on the embedded sample and name the report
	@mkdir -p .snakemake
	exec 9> .snakemake/make-run.lock
	flock --nonblock 9 || { echo "another make run is still at work here; waiting for it"; flock 9; }
	if [[ -n "$(FOLDER)" ]]; then
	  # A file, because Snakemake's --config takes a nested null for text.
	  printf '{"run": "%s", "datasets": {"folder": "%s", "download": null, "name": "%s"}}\n' \
	    "$(RUN)" "$(FOLDER)" "$(notdir $(FOLDER:/=))" > "$(FOLDER_OVERLAY)"
	fi
	snakemake=($(BIN)/snakemake --configfile $(OVERLAYS) $(FOLDER_OVERLAY) --cores $(CORES) --quiet host reason)
	"$${snakemake[@]}" --unlock --quiet all
	"$${snakemake[@]}"
	$(BIN)/radtune report table --run results/$(RUN)

test: $(READY) ## Run all tests
	$(BIN)/python -m pytest

bench: $(READY) ## Run the benchmarks and print one table
	$(BIN)/python -m benchmarks

lint: $(READY) ## Check style, types and rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint --configfile workflow/runs/sample.yaml

clean: ## Remove results of the sample run and caches, not the weights
	rm -rf results/sample .snakemake .pytest_cache .mypy_cache .ruff_cache
