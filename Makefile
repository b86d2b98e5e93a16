# Everything a person does with this repository. `make` alone lists it.
# Needs make and Python 3.11 or later; all else is set up in .venv, from pinned and hashed packages.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check fmt bench promises docs assets pins

OLDEST_PYTHON := 3, 11
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < ($(OLDEST_PYTHON)))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
DOCS := .cache/docs-venv
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --require-hashes
PINS := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	--python-version 3.11 --custom-compile-command "make pins"
KEPT := .cache/promises.jsonl
TEST := $(BIN)/pytest -q -n 2 --promises $(KEPT)
# Child processes, printer hosts and browsers keep their own time: what failed beside others gets one more try, alone.
# Nothing else does: what asks the database alone must pass at once.
AGAIN := $(TEST) -n 0 --last-failed
SERVERS := "integration and not peer and not journey"
TIMED := tests/processes tests/bridge
HOSTS := "peer and not journey"
COVER := $(if $(COVERAGE),--cov --cov-append --cov-report=)
UNIT := not integration and not peer and not journey

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.server assets ## set up once, then start Glassbed until Ctrl-C
	@exec $(BIN)/python -m glassbed.cli run

test: $(VENV)/.dev assets ## all tests: unit, then real servers, real printer hosts, a real browser
	@mkdir -p .cache && rm -f $(KEPT)
	$(if $(COVERAGE),@rm -f .coverage .coverage.*)
	$(TEST) $(COVER) -m "$(UNIT)"
	$(TEST) $(COVER) -m $(SERVERS) $(TIMED:%=--ignore=%)
	$(TEST) $(COVER) -m $(SERVERS) $(TIMED) || $(AGAIN) $(COVER) -m $(SERVERS) $(TIMED)
	$(TEST) $(COVER) -m $(HOSTS) || $(AGAIN) $(COVER) -m $(HOSTS)
	$(TEST) -m journey || $(AGAIN) -m journey

check: $(VENV)/.dev assets ## what must hold before a commit, under a minute
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m glassbed.cli policy check
	GLASSBED_HOME=$(CURDIR)/.cache/check $(BIN)/python -m glassbed.cli manage check --tag glassbed
	$(BIN)/pytest -q -n 2 -m "$(UNIT)"

fmt: $(VENV)/.dev ## format, and repair what a machine can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.dev assets ## measure what docs/measurements.md reports
	$(BIN)/python -m bench

promises: $(VENV)/.dev assets ## the book of promises: kept, in part, not yet
	$(BIN)/python tools/promises.py

docs: $(DOCS)/.ready ## build the manual into docs/_build
	$(DOCS)/bin/sphinx-build -q -W -b html docs docs/_build

assets: $(VENV)/.server ## build style sheet and scripts if their sources changed
	@$(BIN)/python tools/assets.py

pins: $(VENV)/.dev ## pin all packages anew, within the limits of requirements/*.in
	cd requirements && for name in base server dev docs build; do ../$(BIN)/$(PINS) $$name.in -o $$name.txt || exit 1; done
	cd tests/peers && for name in octoprint moonraker kalico; do ../../$(BIN)/$(PINS) $$name.in -o $$name.txt || exit 1; done

# Stamps: set up again only when the pins or the package's description changed.

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Glassbed needs Python 3.11 or later. Install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < ($(OLDEST_PYTHON)))' || { echo "$(PYTHON) is older than Python 3.11, which Glassbed needs." >&2; exit 1; }
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }

$(VENV)/.package: requirements/build.txt pyproject.toml requirements/base.in requirements/server-extra.in | $(BIN)/python
	@$(BIN)/python $(PIP_INSTALL) -r requirements/build.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.server: requirements/server.txt $(VENV)/.package
	@echo "Installing the server's packages ..."
	@$(BIN)/python $(PIP_INSTALL) -r requirements/server.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.server
	@echo "Installing the developer's packages ..."
	@$(BIN)/python $(PIP_INSTALL) -r requirements/dev.txt
	@touch $@

$(DOCS)/.ready: requirements/docs.txt | $(BIN)/python
	@$(BIN)/python -m venv $(DOCS)
	@$(DOCS)/bin/python $(PIP_INSTALL) -r requirements/docs.txt
	@touch $@
