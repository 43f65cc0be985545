# `make serve` and `make test` are all it takes. Everything else is for people who change things.
SHELL := /bin/bash
.DEFAULT_GOAL := help

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --frozen --no-sync
export RASA_TELEMETRY_ENABLED := false
export TF_CPP_MIN_LOG_LEVEL := 3

.PHONY: help serve test train chat check eval bench widget lint sync tools

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

serve: sync ## Start the service; the first time it installs and trains, which takes some minutes
	@$(RUN) needlewise serve

test: tools ## Run every check and test
	@$(RUN) ruff check . && $(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) needlewise check
	@$(RUN) needlewise train
	@$(RUN) python -m pytest -n 2 --dist loadfile

train: sync ## Train the model, if what it is made from changed
	@$(RUN) needlewise train

chat: sync ## Talk with the assistant in this terminal
	@$(RUN) needlewise chat

check: sync ## Check content, training data and domain
	@$(RUN) needlewise check

eval: sync ## Measure understanding on the held-out sentences and print the table of docs/evaluation.md
	@$(RUN) needlewise train
	@$(RUN) python -m tests.evaluation

bench: tools ## Measure a turn beside a default Rasa assistant, in one run
	@$(RUN) needlewise train
	@$(RUN) python bench/turn.py

widget: tools ## Build the website chat into needlewise/channels/web/widget
	@cd widget && node build.mjs

lint: tools ## Format and lint
	@$(RUN) ruff format . && $(RUN) ruff check --fix . && $(RUN) mypy

# -- set-up, done by the targets above ---------------------------------------------------------

sync: $(UV)
	@$(UV) sync --frozen --quiet --compile-bytecode --no-group dev

tools: $(UV)
	@$(UV) sync --frozen --quiet --compile-bytecode
	@bash tests/support/system_tools

# uv, in its own corner of this folder: the system's Python is not touched.
.uv/bin/uv:
	@command -v python3.11 >/dev/null || { echo "needlewise: Python 3.11 is needed (python3.11 was not found)"; exit 2; }
	@echo "Fetching uv into .uv …"
	@python3.11 -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.5'
