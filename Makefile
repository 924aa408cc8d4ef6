# The one front door. `make` alone prints its targets.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup format lint type check test test-fast faults bench bench-profile bench-compare bench-learning bench-stories bench-desk pictures train demo run up down audit sbom fuzz lock hooks clean

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

# Two at a time, each with a Kafka of its own: much of the time tests wait for time-outs to pass.
test: setup  ## All tests, on real Kafkas that they start and stop
	$(BIN)/pytest -n 2 --dist loadfile

test-fast: setup  ## The quick tests, which need no broker
	$(BIN)/pytest -n auto --dist loadfile -m "not broker and not slow"

faults: setup  ## Break everything that can break on real Kafka, and write README's table (half an hour)
	rm -rf .cache/faults
	$(BIN)/pytest -m faults $(DYING); one=$$?; \
	$(BIN)/pytest -m faults -n 3 --dist worksteal tests/faults --ignore=$(DYING); more=$$?; \
	$(BIN)/python -m tests.faults.report && exit $$((one + more))

# Alone, one at a time: how soon they recover is what operators ask.
DYING := tests/faults/test_worker_faults.py

bench: setup  ## Measure speed, delay, scaling, start and memory: benchmarks/RESULTS.md (10 minutes)
	$(BIN)/python -m benchmarks.results

bench-profile: setup  ## Show where the time of a busy worker goes: benchmarks/PROFILE.txt
	$(BIN)/python -m benchmarks.start_up --profile

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

pictures: setup  ## Draw the README's pictures of the dashboards from live traffic (needs prometheus; 5 minutes)
	$(BIN)/python -m tests.pictures

train: setup  ## Train the model from seeds/ into models/
	$(BIN)/beatwatch train

demo: setup  ## The whole path on this machine: Kafka, worker, articles, alerts, checked
	$(BIN)/beatwatch demo

run: setup  ## As demo, but stays up for your articles until Ctrl-C
	$(BIN)/beatwatch demo --stay

up:  ## Start the whole service in Docker
	@test -f .env || echo "GRAFANA_ADMIN_PASSWORD=$$(head -c 18 /dev/urandom | base64)" > .env
	@mkdir -p secrets
	docker compose up --build --detach --wait

down:  ## Stop it; data volumes stay
	docker compose down

audit: setup  ## Ask for known vulnerabilities of the locked packages (needs the network)
	$(BIN)/python -m tests.dependency_audit

sbom: setup  ## Write what the service is made of to dist/sbom.json (CycloneDX)
	$(BIN)/python -m tests.bill_of_materials dist/sbom.json

# 200000 with atheris (`.venv/bin/pip install atheris`), else 50000 with hypothesis.
INPUTS ?=

fuzz: setup  ## Fuzz what decides an article, INPUTS=200000 times
	$(BIN)/python -m tests.fuzz_handling $(INPUTS)

lock: setup  ## Renew the locked dependencies in requirements/
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --output-file requirements/service.txt
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --extra kafka --group dev --output-file requirements/dev.txt

LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

hooks: setup  ## Check each commit before it is made
	$(BIN)/pre-commit install

clean:  ## Remove what the other targets made
	rm -rf .venv .cache .beatwatch .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
