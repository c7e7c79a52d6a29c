# `make` is all: it sets up .venv when it is missing and says where you are.
#
#   make check [LESSON=3] [SOURCE=folder] [DEVICE=cuda] [ARGS='--seed 1']
#   make watch [LESSON=3]      the same on every save
#   make hint [LESSON=3]       the next hint; ARGS=--all shows again those you have had
#   make reset LESSON=3        make figures [LESSON=3]      make notebooks [LESSON=3]
#
# Another torch, for a GPU say:  make check TORCH='torch'

PYTHON ?= python3
TORCH ?= torch==2.13.*
VENV ?= .venv
BIN := $(VENV)/bin
LESSON ?=
SOURCE ?= exercises
DEVICE ?= cpu
ARGS ?=
CHECKS := CALLED_BY=make $(BIN)/python -m checks

.DEFAULT_GOAL := check
.PHONY: check watch hint reset figures notebooks

# Status 1 says "not everything is passed yet". Scripts and CI get it; somebody who reads the report
# on a terminal is not told "Error 1" besides.
check: $(VENV)/.student
	@$(CHECKS) check $(LESSON) --from "$(SOURCE)" --device $(DEVICE) $(ARGS) \
		|| { status=$$?; [ $$status -eq 1 ] && [ -t 1 ] && [ -z "$$CI" ] || exit $$status; }

watch: $(VENV)/.student
	@$(CHECKS) watch $(LESSON) --from "$(SOURCE)" --device $(DEVICE) $(ARGS) || [ $$? -eq 1 ]

hint: $(VENV)/.student
	@$(CHECKS) hint $(LESSON) $(ARGS)

reset: $(VENV)/.student
	@$(CHECKS) reset $(LESSON)

figures: $(VENV)/.student
	@$(CHECKS) draw $(LESSON) --from "$(SOURCE)" $(ARGS)

notebooks: $(VENV)/.student
	@$(CHECKS) notebook $(LESSON) $(ARGS)

$(VENV)/.student: pyproject.toml
	@echo "Setting up $(VENV) with $(TORCH), numpy, matplotlib and pytest. Once; this takes a minute."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)" -e .
	@touch $@

# --- For instructors and developers
#
#   make solutions [DEVICE=cuda]
#   make classroom DIR=submissions [OUT=results]       make gradescope (a zip to upload)
#   make test   make lint   make bench   make mutants   make stubs   make readme

DIR ?= submissions
OUT ?= results

.PHONY: solutions classroom gradescope test lint bench mutants stubs readme

solutions: $(VENV)/.student
	@$(CHECKS) verify $(LESSON) --device $(DEVICE) $(ARGS)

classroom: $(VENV)/.classroom
	@$(CHECKS) classroom "$(DIR)" --out "$(OUT)" $(ARGS)

gradescope: $(VENV)/.student
	@mkdir -p build && rm -f build/autograder.zip && find checks -name __pycache__ -prune -exec rm -rf {} +
	@$(BIN)/python -m zipfile -c build/autograder.zip checks/gradescope/run_autograder \
		checks/gradescope/setup.sh checks data exercises Makefile pyproject.toml README.md LICENSE
	@echo "Upload build/autograder.zip as the autograder of a programming assignment."

test: $(VENV)/.developer
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.developer
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(VENV)/.developer
	@for file in checks/tests/bench_*.py; do $(BIN)/python -m checks.tests.$$(basename $$file .py) || exit 1; done

# Draw the README's pictures anew, from the solutions; a test says when they are stale.
readme: $(VENV)/.student
	@$(CHECKS) draw --from solutions --out figures
	@for picture in data/figures/*.png; do cp "figures/$$(basename $$picture)" "$$picture"; done

# Every small change of a solution has to be noticed, or to have a reason why it cannot be.
mutants: $(VENV)/.developer
	@$(BIN)/python -m checks.tests.mutants $(LESSON) $(ARGS)

# Write exercises/ anew from solutions/: a stub is its solution with the bodies cut off.
stubs: $(VENV)/.student
	@$(BIN)/python -m checks.grader.author.stub

$(VENV)/.classroom: $(VENV)/.student
	@echo "Adding what isolates submissions."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)" -e ".[classroom]"
	@touch $@

$(VENV)/.developer: $(VENV)/.student
	@echo "Adding what the project's own tests need."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)" -e ".[dev]"
	@touch $@
