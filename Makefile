# Everything from a fresh clone with Python 3.11+ and make. As root or not. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
ARGS ?=
# Compiled once, whatever the machine says: tests begin hundreds of processes, and without each compiles pg-migrator anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install test test-slow coverage bench lint demo tools clean

help:
	@echo "install    .venv with pg-migrator and what its demo needs"
	@echo "test       quick tests on real servers        (ARGS='-k name' to choose)"
	@echo "test-slow  soaks, random faults, every version pair"
	@echo "coverage   the quick tests, measured in child processes too; fails below 85 %"
	@echo "bench      benchmarks                          (ARGS='copy 300 3' 'scale 10 1000' or 'bucket')"
	@echo "lint       ruff and mypy --strict"
	@echo "demo       a whole migration on this machine  (ARGS='--until ready')"

$(BIN)/python:
	$(PYTHON) -m venv .venv

# pip runs again only when pyproject.toml or the wanted extras changed.
.venv/installed-demo: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable ".[demo]"
	@touch $@

.venv/installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable ".[test,lint]"
	@touch $@ .venv/installed-demo

install: .venv/installed-demo
	@echo "pg-migrator is in $(BIN)/. Try: make demo"

# Servers and a browser for the tests, as far as this machine lets us have them; tests of what is missing are skipped.
tools: .venv/installed-test
	@$(BIN)/python -m tests.tools

test: tools
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" $(ARGS)

test-slow: tools
	@$(BIN)/python -m tests.tools extensions
	$(BIN)/python -m pytest -n $(WORKERS) -m slow --timeout 3600 $(ARGS)

coverage: tools
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(WORKERS) --dist worksteal -m "not slow" $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: tools
	$(BIN)/python -m tests.benchmarks $(ARGS)

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

demo: install
	$(BIN)/pg-migrator demo $(ARGS)

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
