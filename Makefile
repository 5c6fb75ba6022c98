# Every target works first on a fresh clone: what it needs, it installs into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
ONCE   ?=
N      ?= 100
MINUTES ?= 10
SEED   ?= 7

.DEFAULT_GOAL := help
.PHONY: help install demo test test-unit test-cluster kill-matrix network soak check bench clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

install: $(STAMP) ## Make .venv with everything in it, at the versions of constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "windtunnel needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.11 install"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Could not make $(VENV). On Debian and Ubuntu: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lab,dev]'
	@touch $@

demo: $(STAMP) ## Start lab and Prefect, run two experiments, show what they found (ONCE=1: then exit)
	@$(BIN)/windtunnel demo $(if $(ONCE),--once)

test: $(STAMP) ## Run every test that needs no cluster of yours
	$(BIN)/python -m pytest tests/unit -n 2
	$(BIN)/python -m pytest tests --ignore tests/unit

test-unit: $(STAMP) ## Run the unit tests alone (seconds)
	$(BIN)/python -m pytest tests/unit -n 2

test-cluster: $(STAMP) ## Run the contract tests against a cluster of yours: make test-cluster KUBECONFIG=...
	@test -n "$(KUBECONFIG)" || { echo "Give a cluster: make test-cluster KUBECONFIG=/path/to/config"; exit 2; }
	WINDTUNNEL_TEST_KUBECONFIG="$(KUBECONFIG)" $(BIN)/python -m pytest tests/cluster

check: $(STAMP) ## Lint, format, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

kill-matrix: $(STAMP) ## Kill runs at every point, N times in all, and see what is left: make kill-matrix N=500
	$(BIN)/python -m tests.kill.matrix $(N)

network: $(STAMP) ## Runs through a bad network, N in all, and whether any told a lie: make network N=500
	$(BIN)/python -m tests.network.matrix $(N)

soak: $(STAMP) ## Run and kill at random for minutes, and see what is left and what grows: make soak MINUTES=10
	$(BIN)/python -m tests.kill.soak $(MINUTES) $(SEED)

bench: $(STAMP) ## Measure, and write benchmarks/results.json
	$(BIN)/python -m benchmarks

clean: ## Remove .venv and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .cache
