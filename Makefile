# The one front door. `make` alone prints its targets.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup format lint type check test test-fast bench bench-compare bench-learning bench-stories bench-desk train demo run up down lock hooks clean

help:  ## Print the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(STAMP)  ## Install everything into .venv (Python 3.11 to 3.13)

$(STAMP): pyproject.toml requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "beatwatch needs Python 3.11 to 3.13: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

format: setup  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup  ## Check format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

type: setup  ## Check types
	$(BIN)/mypy

check: lint type  ## Lint and types

test: setup  ## All tests, on a real Kafka that they start and stop
	$(BIN)/pytest

test-fast: setup  ## The quick tests, which need no broker
	$(BIN)/pytest -n auto --dist loadfile -m "not broker and not slow"

bench: setup  ## Measure the cost of labelling an article
	$(BIN)/python -m benchmarks.labelling

# A JSONL file of labelled articles (id, text, labels) that nothing was trained on.
LABELLED ?= labelled.jsonl

bench-compare: setup  ## Compare model, boolean queries and naive model on LABELLED=FILE.jsonl
	$(BIN)/python -m benchmarks.compare $(LABELLED)

bench-learning: setup  ## Measure what more labelled articles bring, on LABELLED=FILE.jsonl
	$(BIN)/python -m benchmarks.learning $(LABELLED)

bench-stories: setup  ## Measure which reports are taken for the same news, beside other methods
	$(BIN)/python -m benchmarks.stories

bench-desk: setup  ## Measure the desk's latency, rate, recovery and memory: benchmarks/DESK.md
	$(BIN)/python -m benchmarks.desk

train: setup  ## Train the model from seeds/ into models/
	$(BIN)/beatwatch train

demo: setup  ## The whole path on this machine: Kafka, worker, articles, alerts, checked
	$(BIN)/beatwatch demo

run: setup  ## As demo, but stays up for your articles until Ctrl-C
	$(BIN)/beatwatch demo --stay

up:  ## Start the whole service in Docker
	@test -f .env || echo "GRAFANA_ADMIN_PASSWORD=$$(head -c 18 /dev/urandom | base64)" > .env
	docker compose up --build --detach --wait

down:  ## Stop it; data volumes stay
	docker compose down

lock: setup  ## Renew the locked dependencies in requirements/
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --output-file requirements/service.txt
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --extra kafka --group dev --output-file requirements/dev.txt

LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

hooks: setup  ## Check each commit before it is made
	$(BIN)/pre-commit install

clean:  ## Remove what the other targets made
	rm -rf .venv .cache .beatwatch .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
