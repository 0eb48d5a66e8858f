# Two commands matter: `make up` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
STACK ?= dev
BENCH ?= migration

.PHONY: help up down purge test test-long bench lint format

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

up: $(INSTALLED) ## from nothing to a running stack; CONTEXT=<kube context> uses a cluster of yours, STACK=<name> another stack
	@$(BIN)/jellyfin-ha up --stack $(STACK) $(if $(CONTEXT),--context $(CONTEXT))

down: $(INSTALLED) ## stop the lab and keep its data
	@$(BIN)/jellyfin-ha lab down

purge: $(INSTALLED) ## stop the lab and remove everything it has kept
	@$(BIN)/jellyfin-ha lab purge

test: $(INSTALLED) ## unit, integration and end-to-end tests; a skipped test fails the run
	@$(BIN)/jellyfin-ha lab up
	@$(BIN)/python -m pytest tests/unit tests/integration tests/e2e $(PYTEST_ARGS)

test-long: $(INSTALLED) ## torture and repeated drills: minutes each; JELLYFIN_HA_TEST_SEED=<shown when one fails> does the same again
	@$(BIN)/python -m pytest tests/long $(PYTEST_ARGS)

bench: $(INSTALLED) ## how fast the migration is, beside pgloader and psql, or BENCH=leases; BENCH_ARGS="--items 20000 --rounds 1" is quick
	@$(BIN)/python -m bench.$(BENCH) $(BENCH_ARGS)

lint: $(INSTALLED) ## style, types and who may import whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-cache

format: $(INSTALLED)
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "expected Python 3.11 or newer, found " + sys.version.split()[0])'
	@echo "making .venv from requirements.lock"
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
