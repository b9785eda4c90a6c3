# `make demo` and `make test` do all their own set-up: a virtual environment in .venv with pinned installs.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
AUDIT := .venv-audit
# In an environment of their own, so that what they need is in no list of what we need.
AUDIT_TOOLS := pip-audit==2.10.1 cyclonedx-bom==7.5.0
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
# Many threads, each with a heap of its own, cost glibc hundreds of megabytes.
export MALLOC_ARENA_MAX := 2

.PHONY: help install docs bench-llm demo demo-full test test-slow lint format check audit sbom serve constraints clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

install: $(READY)  ## make .venv and install what constraints.txt pins

$(READY): constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(READY)  ## the whole pipeline on a laptop CPU: corpus, training, evaluation, report
	$(BIN)/contextfirst run demo

demo-full: $(READY)  ## the demo with five models muted and blinded, and more controls of the tuned one
	$(BIN)/contextfirst run demo_full

# A file's tests share what they made, so a file stays in one process.
test: $(READY)  ## the tests for every change
	OMP_NUM_THREADS=1 $(BIN)/pytest -q --numprocesses auto --maxprocesses 4 --dist loadfile

test-slow: $(READY)  ## the tests that take minutes, and DeepSpeed's
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,distributed,scale]'
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -q -m slow

lint: $(READY)  ## formatting, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

format: $(READY)  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: lint test  ## lint and test

$(AUDIT)/.ready: constraints.txt
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt $(AUDIT_TOOLS)
	touch $@

audit: $(READY) $(AUDIT)/.ready  ## the pinned packages against known vulnerabilities; fails where no database answers
	$(BIN)/python -m flows.audit $(AUDIT)/bin/pip-audit

sbom: $(READY) $(AUDIT)/.ready  ## sbom.json: every installed package as CycloneDX, checked against its schema
	$(AUDIT)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --validate \
		--output-file sbom.json $(BIN)/python
	@echo "sbom.json written"

serve: $(READY)  ## a local Prefect server and worker with everything deployed, and the reports, on loopback
	$(BIN)/python -m flows.serve

bench-llm: $(READY)  ## our LLM engine beside bare loops over the same clients, some ten minutes
	$(BIN)/python -m benchmarks.llm --rows 20000 --pairs 3

docs: $(READY)  ## write docs/datasets.md anew; SAMPLES names a folder with real rows
	$(BIN)/python docs/make_datasets.py $(if $(SAMPLES),--samples $(SAMPLES))

constraints: $(READY) $(AUDIT)/.ready  ## pin what is installed now, without hashes and without local versions
	($(BIN)/pip freeze --exclude-editable; $(AUDIT)/bin/pip freeze) | sort -fu | sed -E 's/\+[a-z0-9.]+$$//' > constraints.new; \
	(echo '# Every package of the environment, without hashes and without local versions. Made by: make constraints'; cat constraints.new) > constraints.txt; rm constraints.new

clean:  ## remove the virtual environment; the store stays
	rm -rf .venv $(AUDIT)
