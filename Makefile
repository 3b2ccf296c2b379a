# make demo | test are all that a fresh machine with Python 3.11 needs; the rest is for people who work on Herdbook.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
export HERDBOOK_HOME ?= $(CURDIR)/.herdbook

.PHONY: help setup triton demo test test-slow fuzz audit lint bench up wheel lock clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.ready ## create .venv from the lock file

$(VENV)/.ready: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Herdbook needs Python 3.11: install it, or say PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.txt
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	# Compiled here, once: a night starts hundreds of processes, and not every machine lets them write bytecode.
	$(BIN)/uv pip install --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q -j 0 src models plugins dags tests
	@touch $@

triton: .venv-triton/.ready ## create .venv-triton: a real Triton server for devices, without a container

.venv-triton/.ready: requirements-triton.lock | $(VENV)/.ready
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-triton
	$(BIN)/uv pip install --compile-bytecode --python .venv-triton/bin/python --require-hashes -r requirements-triton.lock
	@touch $@

demo: setup triton ## three days on a simulated farm, ending in an answer; VIDEO=path adds a camera of your own
	$(BIN)/herdbook demo $(if $(VIDEO),--video "$(VIDEO)")

test: setup lint ## the checks and the fast tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" -n 2

test-slow: setup triton ## the tests that take minutes
	OMP_NUM_THREADS=1 $(BIN)/pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder -o timeout=900 --durations=40

fuzz: setup ## generated input, the nightly amount: more than 50,000 cases
	HYPOTHESIS_PROFILE=nightly OMP_NUM_THREADS=1 $(BIN)/pytest tests/fuzz tests/ingest/test_ingest_hostile.py -p no:xdist -o timeout=0

audit: setup ## known weaknesses of what the lock files name; fails if nobody can be asked
	$(BIN)/python -m benchmarks.audit requirements.lock requirements-triton.lock

lint: setup ## ruff, mypy, and the rules of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## ratios against plain tools, printed side by side
	$(BIN)/python -m benchmarks

up: setup triton ## Airflow with its web interface, MLflow, and two simulated devices
	$(BIN)/herdbook demo --stay

wheel: setup ## dist/herdbook-….whl, to install elsewhere beside requirements.lock
	$(BIN)/uv build --wheel --no-build-isolation --python $(BIN)/python --out-dir dist

lock: ## resolve requirements.lock anew
	$(BIN)/uv pip compile pyproject.toml --all-extras --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock
	$(BIN)/uv pip compile requirements-triton.in --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-triton.lock

clean: ## remove caches, and .herdbook if it is the demo's; keep .venv, and HERDBOOK_HOME wherever else it is
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@if [ -f "$(CURDIR)/.herdbook/DEMO.txt" ]; then echo rm -rf .herdbook; rm -rf "$(CURDIR)/.herdbook"; fi
