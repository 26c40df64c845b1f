# Two commands for a newcomer: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
SHARED ?= ../shared
# Many tests wait for a browser or a server, so two processes more than there are cores.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)

# Tests begin many processes; where Python is told to keep nothing compiled, each would compile the house anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test lint types imports pytest soak postgres bench train train-careful evaluate screenshot clean

run: $(VENV)/.run
	@exec $(BIN)/tenth run --sandbox

test: lint types imports pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/hadolint Dockerfile

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

pytest: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# On a real PostgreSQL, started from a wheel: every file that can reach a database, by tests/support/reach.py.
# Of those in a browser, the walk over all pages.
postgres: $(VENV)/.dev
	TENTH_TEST_POSTGRES=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder --ignore-glob='*test_?*_browser.py' --ignore-glob='*browser_*.py'

# Long runs: kills, storms, a million messages; pages in every look.
soak: $(VENV)/.dev
	$(BIN)/python -m pytest -q -s -m soak tests

# Every figure beside a baseline of the same run. Detoxify's part needs torch: a few hundred megabytes, once.
bench: $(VENV)/.bench
	$(BIN)/tenth bench scoring
	$(BIN)/tenth bench ingest
	$(BIN)/tenth bench queue --messages 200000

train: $(VENV)/.dev
	$(BIN)/python scripts/train_scorer.py --data $(SHARED)/data

train-careful: $(VENV)/.bench
	$(BIN)/python scripts/train_careful.py --data $(SHARED)/data

# How good scorers, triage and learning are, beside baselines.
evaluate: $(VENV)/.dev
	$(BIN)/tenth evaluate --data $(SHARED)/data

screenshot: $(VENV)/.dev
	$(BIN)/python scripts/screenshot.py docs/images

clean:
	rm -rf $(VENV) var build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Tenth needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.bench: $(VENV)/.dev
	$(PIP) -e '.[dev,detoxify,train]'
	@touch $@
