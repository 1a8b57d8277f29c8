# Everything on a fresh machine: `make demo` runs the main job on the lab, `make test` passes the tests.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow lint bench clean

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: .venv/installed
	@$(BIN)/ce-runner demo

lint: .venv/installed
	$(BIN)/ruff check runner tests benchmarks
	$(BIN)/ruff format --check runner tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest -n 2 -m "not slow"

test-slow: lint
	$(BIN)/pytest -n 2

bench: .venv/installed
	$(BIN)/python benchmarks/audit.py

clean:
	rm -rf .venv build dist *.egg-info
