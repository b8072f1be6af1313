# Everything starts here. `make demo` needs python3 >= 3.11 and make, and sees to the rest itself.
.DEFAULT_GOAL := help
.PHONY: help demo test test-compose check format lock clean system-packages
SHELL := /bin/bash

BIN := .venv/bin
# Passed on: make demo ARGS="--for 60s --no-dashboard", make test ARGS="-k slots".
ARGS ?=
COMPOSE := docker-compose.yml docker-compose.cluster.yml deploy/dashboard-actions.yml deploy/tls.yml
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(ARGS)

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.demo ## Run everything here on recorded grid data; Ctrl-C stops it
	@$(BIN)/carbon-aware up --demo $(ARGS)

test: .venv/.dev system-packages ## Run all tests, or those that ARGS name
ifeq ($(ARGS),)
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile tests/unit tests/acceptance tests/broker
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/e2e tests/browser
else
	@$(BIN)/python -m pytest $(ARGS)
endif

test-compose: .venv/.dev ## Build the containers, bring them up and test them; needs Docker
	@$(BIN)/python -m pytest -s tests/compose $(ARGS)

check: .venv/.dev ## Formatting, lint, types, import rules, Dockerfile and compose files
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec $(COMPOSE)

format: .venv/.dev ## Format the code and repair what lint can repair
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: .venv/.dev ## Resolve the requirements anew (ARGS="--upgrade" for newer versions)
	$(COMPILE) pyproject.toml --all-extras -o requirements/dev.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/base.txt
	$(COMPILE) pyproject.toml --extra dashboard -c requirements/dev.txt -o requirements/dashboard.txt
	$(COMPILE) pyproject.toml --extra postgres --extra otel -c requirements/dev.txt -o requirements/postgres.txt
	printf '%s\n' hatchling editables | $(COMPILE) - -c requirements/dev.txt -o requirements/build.txt

clean: ## Remove what was built; the data in .carbon-aware stays
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

system-packages: .venv/.dev
	@.ci/system-packages

# Stamps: a second run finds nothing to do.
.venv/.demo: requirements/dashboard.txt requirements/build.txt pyproject.toml
	@.ci/venv requirements/dashboard.txt requirements/build.txt
	@touch $@

.venv/.dev: requirements/dev.txt requirements/build.txt pyproject.toml
	@.ci/venv requirements/dev.txt requirements/build.txt
	@touch $@
