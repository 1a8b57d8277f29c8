# Everything on a fresh machine: `make demo` runs the main job on the lab, `make test` passes the tests.
# EXTRAS=dev,kerberos installs Kerberos too, which compiles and needs libkrb5-dev, gcc and python3-dev.
PYTHON ?= python3
EXTRAS ?= dev
INSTALLED := .venv/installed-$(EXTRAS)
BIN := .venv/bin

.PHONY: demo test test-slow lint bench clean

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	touch $@

demo: $(INSTALLED)
	@$(BIN)/ce-runner demo

lint: $(INSTALLED)
	$(BIN)/ruff check runner tests benchmarks
	$(BIN)/ruff format --check runner tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest -n 2 -m "not slow"

test-slow: lint
	$(BIN)/pytest -n 2

bench: $(INSTALLED)
	$(BIN)/python benchmarks/audit.py

clean:
	rm -rf .venv build dist *.egg-info
