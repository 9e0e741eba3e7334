# samekind: everything starts here, and nothing but Python ≥ 3.11 and make has to be there before. `make` lists the targets.
# Finished steps are not repeated: the environment is rebuilt only when pyproject.toml or constraints.txt change, training and indexing
# go on where they were interrupted, and a finished artefact is kept. Only the evaluation is made anew each time, in less than half a minute.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= python3
CORPUS ?= fashion-mnist
PRESET ?= small
PORT ?= 8501
DATA_DIR ?=
# A link counts as the folder that it leads to, as quickstart has it. What is trained on a folder of one's own lies beside its quickstart.
OUT ?= artifacts/$(shell basename "$$(cd "$(CORPUS)" 2>/dev/null && pwd -P || echo "$(CORPUS)")")$(if $(TRAINED),-trained)
BUDGET ?= 120s
SEEDS ?= 3
JOBS ?= 1
ROWS ?= 100000

VENV := .venv
RUN := $(VENV)/bin/python -P -m
FAISS := $(shell nvidia-smi >/dev/null 2>&1 && echo gpu || echo cpu)
FROM_DATA_DIR := $(if $(DATA_DIR),--data-dir "$(DATA_DIR)")
FAST := not slow and not gpu and not browser

TRAINING_TIME_smoke := about 25 seconds
TRAINING_TIME_small := about 7 minutes on two cores
TRAINING_TIME_full := minutes on a GPU, many hours without one
TRAINING_TIME := $(or $(TRAINING_TIME_$(PRESET)),a while)

# A folder of one's own gets the encoder that suits it, without training if that is a pretrained one; PRESET= asks for a training.
NAMED := $(filter $(CORPUS),fashion-mnist cifar10 digits synthetic)
# Nor is a preset asked for where the images can choose it.
CHOSEN := $(if $(NAMED)$(filter command environment,$(origin PRESET)),--preset $(PRESET))
QUICK := $(if $(NAMED)$(filter command environment,$(origin PRESET)),,$(shell test -d "$(CORPUS)" && echo yes))
TRAINED := $(if $(NAMED),,$(if $(QUICK),$(filter train,$(MAKECMDGOALS)),yes))

# $(call step,NUMBER,TEXT): where we are and how long it takes
step = @printf '\n[%s/$(STEPS)] %s\n' '$(1)' '$(2)'
STEPS := 2
train trained-demo: STEPS := 6
quickstart: STEPS := 3
compare: STEPS := 4
compare: PRESET := plain
test browser walk screenshots test-slow test-long faults bench-index bench-train audit-deps: STEPS := 3

.PHONY: chromium help setup demo quickstart trained-demo train compare test test-slow test-long browser walk screenshots faults bench-index bench-train audit-deps check format format-check lint types layers clean

help: ## list the targets
	@echo 'samekind: find images of the same kind'
	@echo
	@sed -nE 's/^([a-z-]+):[^#=]*## (.*)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'
	@echo
	@echo 'Overrides: CORPUS=fashion-mnist|cifar10|digits|synthetic|FOLDER  PRESET=small|smoke|plain|full|adapter  OUT=artifacts/NAME  PORT=8501'
	@echo '           DATA_DIR=FOLDER (files already on disk)  PYTHON=python3.12  BUDGET=120s|500steps  SEEDS=3  JOBS=1 (of compare)'

# ------------------------------------------------------------------------------------------------------------ environment

setup: $(VENV)/.installed ## create .venv and install everything (about 4 minutes)
	@echo "$(VENV) is ready"

$(VENV)/.created:
	$(call step,1,creating $(VENV) (a few seconds))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'error: Python 3.11 or newer is needed, $(PYTHON) is not' >&2; \
		echo 'hint: make PYTHON=python3.12 …' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'error: $(PYTHON) cannot make virtual environments' >&2; \
		echo 'hint: on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# pip's warnings about locations that a machine lists and does not have would bury its progress: they are left out. While pip unpacks
# gigabytes it says nothing, so the folder's size is shown. Byte code is made afterwards, by all cores: pip would use one.
$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/.created
	$(call step,2,installing with faiss-$(FAISS) (about 4 minutes and up to 7 GB the first time))
	@while sleep 20 >/dev/null 2>&1; do echo "  … $$(du -sh $(VENV) 2>/dev/null | cut -f1) in $(VENV)"; done & \
		trap "kill $$! 2>/dev/null || true" EXIT; \
		$(VENV)/bin/python -m pip install --disable-pip-version-check --no-compile --constraint constraints.txt \
			--editable '.[$(FAISS),app,lite,serve,dev]' 2> >(grep -v 'is ignored: it is' >&2); \
		echo '  byte-compiling'; $(VENV)/bin/python -m compileall -q -j 0 $(VENV)/lib >/dev/null || true
	@touch $@

# ------------------------------------------------------------------------------------------------------------ the product

train: setup ## get the data, train, index and evaluate: leaves artifacts/NAME
	$(call step,3,getting the corpus $(CORPUS) (about 10 seconds the first time))
	@$(RUN) samekind.fetch "$(CORPUS)" $(FROM_DATA_DIR)
	$(call step,4,training$(if $(CHOSEN), with preset $(PRESET) ($(TRAINING_TIME))); Ctrl-C saves and the same command continues)
	@$(RUN) samekind train --corpus "$(CORPUS)" $(CHOSEN) --out "$(OUT)" $(FROM_DATA_DIR)
	$(call step,5,indexing (about a minute))
	@$(RUN) samekind index --corpus "$(CORPUS)" --encoder "$(OUT)" --out "$(OUT)" $(FROM_DATA_DIR)
	$(call step,6,evaluating (about half a minute))
	@$(RUN) samekind evaluate "$(OUT)"

demo: $(if $(QUICK),quickstart,trained-demo) ## everything, then open the demo in the browser; CORPUS=FOLDER takes your own images

quickstart: setup
	$(call step,3,indexing $(CORPUS) and opening the demo (1,000 photos take about half a minute on two cores))
	@$(RUN) samekind quickstart "$(CORPUS)" --out "$(OUT)" --port $(PORT)

trained-demo: train
	@printf '\nopening the demo (a few seconds)\n'
	@$(RUN) samekind demo "$(OUT)" --port $(PORT)

compare: setup ## 20 objectives and treatments, same steps and seeds: tables and plots in artifacts/results (hours)
	$(call step,3,getting the corpus $(CORPUS) (about 10 seconds the first time))
	@$(RUN) samekind.fetch "$(CORPUS)" $(FROM_DATA_DIR)
	$(call step,4,comparing at $(BUDGET) and $(SEEDS) seeds (it says how long: about 3 hours at 120s and 3 seeds on two cores); \
		Ctrl-C saves and the same command continues)
	@$(RUN) samekind compare --corpora "$(CORPUS)" --preset $(PRESET) --budget $(BUDGET) --seeds $(SEEDS) --jobs $(JOBS) $(FROM_DATA_DIR)

# ------------------------------------------------------------------------------------------------------------ checks

test: setup ## fast tests: no network, no GPU (about eight minutes)
	$(call step,3,testing (about eight minutes))
	@OMP_NUM_THREADS=1 $(RUN) pytest -m '$(FAST)' --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-slow: setup ## the slow tests
	$(call step,3,slow tests (about five minutes))
	@OMP_NUM_THREADS=1 $(RUN) pytest -m 'slow and not gpu and not browser and not long' --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-long: setup ## the other slow and browser tests, whose like is among those; not part of CI
	$(call step,3,long tests (about five minutes))
	@OMP_NUM_THREADS=1 $(RUN) pytest -m 'long and not gpu' --numprocesses 2 --dist loadfile --no-loadscope-reorder

browser: setup chromium ## the demo in headless Chromium
	$(call step,3,testing the demo in Chromium (about seven minutes))
	@OMP_NUM_THREADS=1 $(RUN) pytest -m 'browser and not long' --numprocesses 2 --dist loadfile --no-loadscope-reorder

walk: setup chromium ## every page and control of the demo on three artefacts, with axe-core (long); ARTEFACT=FOLDER takes one of yours
	$(call step,3,walking over the demo (long))
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m tests.end_to_end.browser.walk $(if $(ARTEFACT),--artefact "$(ARTEFACT)") $(WALK)

screenshots: setup chromium ## take the pictures in docs/images again, of ARTEFACT=artifacts/clothes; ONLY='ideas map' takes these
	$(call step,3,taking the pictures (minutes))
	@$(VENV)/bin/python docs/screenshots.py "$(or $(ARTEFACT),artifacts/clothes)" $(ONLY)

chromium:
	@command -v chromium >/dev/null || { \
		echo 'error: chromium is not installed' >&2; \
		echo 'hint: on Debian: apt-get install chromium chromium-driver' >&2; exit 1; }

faults: setup ## kill -9 at 400 random instants of all that writes, and compare (about 5 minutes); FAULTS='--only train --kills 10'
	$(call step,3,killing and continuing (about 5 minutes on two quiet cores))
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m tests.faults --jobs 2 $(FAULTS)

bench-index: setup ## queries a second at recall 0.99 beside FAISS, hnswlib, usearch and LanceDB; ROWS='100000 1000000'
	$(call step,3,installing the peers and measuring (a million rows take about ten minutes on two cores))
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check hnswlib usearch 2> >(grep -v 'is ignored: it is' >&2)
	@$(VENV)/bin/python -m benchmarks.index --rows $(ROWS)

bench-train: setup ## pairs a second beside lightly, and beside a busy process: CIFAR10=FOLDER PHOTOS=FOLDER (about 24 minutes)
	$(call step,3,installing lightly and measuring (about 24 minutes on two quiet cores))
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check lightly 2> >(grep -v 'is ignored: it is' >&2)
	@$(VENV)/bin/python -m benchmarks.training $(if $(CIFAR10),--cifar10 "$(CIFAR10)") $(if $(PHOTOS),--photos "$(PHOTOS)")
	@$(if $(CIFAR10),$(VENV)/bin/python -m benchmarks.training --cifar10 "$(CIFAR10)" --company)

audit-deps: setup ## known security flaws of the versions in constraints.txt; needs the network
	$(call step,3,asking for known flaws of $$(grep -c '==' constraints.txt) packages (half a minute))
	@$(RUN) venv $(VENV)/audit
	@$(VENV)/audit/bin/pip install --quiet --disable-pip-version-check pip-audit 2> >(grep -v 'is ignored: it is' >&2)
	@$(VENV)/audit/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip

check: format-check lint types layers test ## all that CI asks for: format, lint, types, layers, tests

format: setup ## format the code
	@$(RUN) ruff check --fix-only --quiet .
	@$(RUN) ruff format .

format-check: setup
	@$(RUN) ruff format --check .

lint: setup ## ruff
	@$(RUN) ruff check .

types: setup ## mypy --strict
	@$(RUN) mypy

layers: setup ## who may import whom
	@$(VENV)/bin/lint-imports

clean: ## remove the environment, caches and build output; keeps artifacts/
	rm -rf $(VENV) build dist *.egg-info src/*.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
