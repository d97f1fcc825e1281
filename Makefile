# Every target makes the virtual environment that it needs: nothing but Python, make and a
# package index has to be there.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help demo test check venv servers format lint types arrows bench bench-detection clean
.DEFAULT_GOAL := help

help:  ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

demo: $(INSTALLED)  ## watch a fault being caught: no Docker, no servers
	@$(BIN)/tocsin demo

test: $(INSTALLED) servers  ## run every test; real servers where they can be had
	@$(BIN)/python -m pytest

check: $(INSTALLED)  ## what stands before every commit: format, lint, types, arrows, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/python -m pytest

venv: $(INSTALLED)  ## make .venv and nothing else

format: $(INSTALLED)  ## mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(INSTALLED)  ## format and lint, without mending
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(INSTALLED)  ## mypy, strict, over sources and tests
	@$(BIN)/mypy

arrows: $(INSTALLED)  ## who may import whom
	@$(BIN)/lint-imports

servers: $(INSTALLED)  ## fetch a real Kafka and a real InfluxDB for the tests, once
	@$(BIN)/python tests/servers/install.py

bench: $(INSTALLED) servers  ## measure end to end on the real Kafka, into bench/results.json
	@$(BIN)/python bench/pipeline.py --json bench/results.json

bench-detection: $(INSTALLED)  ## measure detection on the recordings in DATA=DIR, into bench/detection.json
	@test -d '$(DATA)' || { echo 'say where the recordings are: make bench-detection DATA=DIR' >&2; exit 2; }
	@$(BIN)/tocsin benchmark '$(DATA)' --json bench/detection.json

clean:  ## remove what the other targets made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tocsin needs Python 3.11 or newer; set PYTHON=/path/to/it")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing Tocsin into .venv (PyTorch is large: this takes a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(INSTALLED)
