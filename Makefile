# The virtual environment is made once; `make clean-venv` drops it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto
export HF_HUB_OFFLINE := 1
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.PHONY: help setup test lint demo bench docs pictures mutants clean-venv

help:
	@echo "make demo   rate and compare the built-in items with three simulated raters, then a report"
	@echo "make test   the test suite (installs what it needs)"
	@echo "make lint   ruff and mypy"
	@echo "make bench  benchmarks: ratios against named peers"
	@echo "make docs   the documentation, as pages in docs/_build"
	@echo "make mutants  break lines at random; the share that the tests see"

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install -q -c constraints.txt -e .
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(BIN)/pip install -q -c constraints.txt -e '.[steering,dev]'
	touch $@

setup: $(VENV)/.base

demo: $(VENV)/.base
	$(BIN)/python scripts/demo.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

# A GPU table (benchmarks/steering_gpu.py) and long runs (--help of each) are for their own machines.
BENCHMARKS := overhead reliability fit policies coverage wordings zeros chain effects verdicts judging judged_rates pool limits dispatch probes steering

bench: $(VENV)/.dev
	for bench in $(BENCHMARKS); do echo "== $$bench"; $(BIN)/python -m benchmarks.$$bench || exit 1; done

# Without network, and every warning ends it: a link or a page that leads nowhere is one.
docs: $(VENV)/.dev
	rm -rf docs/_build
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	$(BIN)/python scripts/checks/docs_links.py docs/_build

# Studies that have no picture yet; `make pictures ARGS="drift framing"` draws these again.
pictures: $(VENV)/.dev
	$(BIN)/python scripts/study_pictures.py $(ARGS)

mutants: $(VENV)/.dev
	$(BIN)/python -m scripts.mutants $(ARGS)

clean-venv:
	rm -rf $(VENV)
