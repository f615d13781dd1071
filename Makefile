# Everything a person or a machine does with this checkout; `make` alone lists it.
# Needs Python 3.11 and nothing else: the first target that wants it makes .venv.
# Without a GPU, PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu saves gigabytes.

PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/ready
RECIPE := world/qilin_med

.DEFAULT_GOAL := help
.PHONY: demo test quick check lock slurm-up slurm-down help

demo: $(READY)  ## four stages on two models and two corpora of an invented world, and a page about them
	$(BIN)/medllm recipe experiments=$(RECIPE) -m model=world_s,world_m data.cpt=world_knowledge,world_elsewhere
	$(BIN)/medllm report recipe=$(RECIPE)

test: $(READY)  ## all tests that this machine can run
	$(BIN)/python -m pytest -n 2

quick: $(READY)  ## the tests that take no longer than a few seconds
	$(BIN)/python -m pytest -n 2 -m "not slow"

check: $(READY)  ## style and types, as before a commit
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

lock:  ## write constraints.txt anew, from what a fresh environment resolves to
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --editable ".[dev,gpu]"
	build/lock/bin/pip freeze --exclude-editable | sed "s/+cpu$$//" > constraints.txt
	rm -rf build/lock

slurm-up:  ## a real Slurm of two nodes on this machine (Debian 12, root), to try a sweep on
	bash slurm/local/up.sh

slurm-down:  ## end it
	bash slurm/local/down.sh

help:
	@sed -n "s/^\([a-z-]*\):.*## /  make \1\t/p" Makefile | expand -t 20

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@
