# Each target sets up what it needs; `make` alone lists them. Nothing is installed outside this folder.
PYTHON ?= python3
BIN := .venv/bin
# Adapters pin frameworks that cannot live together, so each is tested in an environment of its own.
ADAPTERS := $(filter-out core,$(patsubst packages/%/pyproject.toml,%,$(wildcard packages/*/pyproject.toml)))
# Stamps: an environment is brought up to date when a file that describes it has changed.
CORE := .venv/.core
TOOLS := .venv/.tools
# Each adapter is tested with the newest release of its framework, and with the oldest it supports.
FLOORS := $(patsubst packages/%/floor.txt,%-floor,$(wildcard packages/*/floor.txt))
ENVIRONMENTS := $(ADAPTERS:%=.venvs/%/.ready) $(FLOORS:%=.venvs/%/.ready) .venvs/compat/.ready

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check bench clean

help: ## Show this list
	@sed -n 's/^\([a-z%-]*\):.*## /make \1\t/p' Makefile | expand -t 14

demo: $(CORE) ## One export, from question to audited result; LIVE=1 waits for you to decide
	$(BIN)/holdshort demo $(if $(LIVE),--live,)

demo-%: .venvs/%/.ready ## The same with a framework: demo-langgraph, demo-openai_agents, demo-pydantic_ai, demo-crewai
	@folder=$$(mktemp -d); cd "$$folder" && \
	    $(CURDIR)/.venvs/$*/bin/python $(CURDIR)/examples/$*/demo.py; \
	status=$$?; rm -rf "$$folder"; exit $$status

# Every suite runs, also after one has failed; an empty one is a failure (pytest's exit status 5).
test: $(TOOLS) $(ENVIRONMENTS) ## Run every test; ARGS="-k timer" is passed to pytest
	@$(BIN)/python scripts/run_suites.py core workspace $(ADAPTERS) $(FLOORS) compat -- $(ARGS)

check: $(TOOLS) $(ENVIRONMENTS) ## Look without running: ruff, formatting, mypy --strict, generated files, dependencies
	@status=0; \
	run() { echo "== $$*"; "$$@" || status=1; }; \
	run $(BIN)/ruff check --output-format concise .; \
	run $(BIN)/ruff format --check --output-format concise .; \
	run $(BIN)/mypy packages/core/src; \
	run $(BIN)/python scripts/make_async.py --check; \
	run $(BIN)/python scripts/make_openapi.py --check; \
	run $(BIN)/python scripts/make_reference.py --check; \
	run $(BIN)/python scripts/make_capabilities.py --check; \
	run $(BIN)/python -m pip check; \
	for name in $(ADAPTERS); do \
	    run $(BIN)/mypy --python-executable .venvs/$$name/bin/python packages/$$name/src; \
	    run .venvs/$$name/bin/python -m pip check; \
	done; \
	exit $$status

bench: $(TOOLS) ## Measure on this machine; ARGS="--help" shows the choices
	$(BIN)/python -m benchmarks $(ARGS)

bench-%: .venvs/%/.ready ## What an adapter adds to its bare framework: bench-langgraph
	.venvs/$*/bin/python benchmarks/$*_cycle.py $(ARGS)

# .holdshort stays: it may hold decisions that somebody waits for.
clean: ## Remove environments, caches and build results
	rm -rf .venv .venvs .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	rm -rf packages/*/build packages/*/dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip reads dependency groups from 25.1 on; Python 3.11 comes with an older one.
define environment
@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Holdshort needs Python 3.11 or newer: make PYTHON=python3.11")'
$(PYTHON) -m venv $(1)
$(1)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
endef
install = -m pip install --quiet --disable-pip-version-check

$(CORE): packages/core/pyproject.toml
	$(call environment,.venv)
	$(BIN)/python $(install) --editable './packages/core[all]'
	@touch $@

$(TOOLS): $(CORE) pyproject.toml
	$(BIN)/python $(install) --group test --group lint
	@touch $@

.venvs/compat/.ready: compat/pyproject.toml packages/core/pyproject.toml
	$(call environment,.venvs/compat)
	.venvs/compat/bin/python $(install) --upgrade --upgrade-strategy eager \
	    --editable ./packages/core --group compat/pyproject.toml:test
	@.venvs/compat/bin/python scripts/check_versions.py compat >$@.new && mv $@.new $@ || \
	    { cat $@.new; exit 1; }

.venvs/%/.ready: packages/%/pyproject.toml packages/core/pyproject.toml
	$(call environment,.venvs/$*)
	.venvs/$*/bin/python $(install) --upgrade --upgrade-strategy eager \
	    --editable './packages/core[postgres]' \
	    --editable ./packages/$* --group packages/$*/pyproject.toml:test
	@.venvs/$*/bin/python scripts/check_versions.py packages/$* >$@.new && mv $@.new $@ || \
	    { cat $@.new; exit 1; }

.venvs/%-floor/.ready: packages/%/pyproject.toml packages/%/floor.txt packages/core/pyproject.toml
	$(call environment,.venvs/$*-floor)
	.venvs/$*-floor/bin/python $(install) --editable './packages/core[postgres]' \
	    --editable ./packages/$* --group packages/$*/pyproject.toml:test \
	    --constraint packages/$*/floor.txt
	@.venvs/$*-floor/bin/python scripts/check_versions.py packages/$* --floor >$@.new && \
	    mv $@.new $@ || { cat $@.new; exit 1; }
