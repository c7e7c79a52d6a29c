# `make` is all: it sets up .venv when it is missing and says where you are.
#
#   make check [LESSON=3] [SOURCE=folder] [DEVICE=cuda] [ARGS='--seed 1']
#   make watch [LESSON=3]      the same on every save
#   make hint [LESSON=3]       the next hint; ARGS=--all shows again those you have had
#   make reset LESSON=3        make notebooks [LESSON=3]
#   make figures [LESSON=3] [SOURCE=solutions] [HTML=1]      HTML: a page to step through
#
# Another torch, for a GPU say:  make check TORCH=torch

PYTHON ?= python3
DEFAULT_TORCH := torch==2.13.*
TORCH ?= $(DEFAULT_TORCH)
# Where PyTorch keeps its build without CUDA. On Linux the default index serves the one with CUDA:
# half a gigabyte, and fifteen packages more.
CPU_INDEX ?= https://download.pytorch.org/whl/cpu
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LESSON ?=
SOURCE ?= exercises
DEVICE ?= cpu
HTML ?=
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
	@$(CHECKS) draw $(LESSON) --from "$(SOURCE)" $(if $(HTML),--html) $(ARGS)

notebooks: $(VENV)/.student
	@$(CHECKS) notebook $(LESSON) $(ARGS)

# The default torch on Linux comes without CUDA if PyTorch's own index can be reached.
$(VENV)/.student: pyproject.toml
	@echo "Setting up $(VENV) with $(TORCH), numpy, matplotlib and pytest. Once; this takes a minute."
	@$(PYTHON) -m venv $(VENV)
	@if [ "$(TORCH)" = "$(DEFAULT_TORCH)" ] && [ "$$(uname -s)" = Linux ]; then \
		$(PIP) --retries 1 --timeout 15 --index-url $(CPU_INDEX) "$(TORCH)" 2>$(VENV)/torch.log \
		&& echo "PyTorch: the build without CUDA." \
		|| echo "PyTorch: $(CPU_INDEX) cannot be reached, so from the default index."; \
	fi
	@$(PIP) "$(TORCH)" -e .
	@touch $@

# --- For instructors and developers
#
#   make solutions [DEVICE=cuda]
#   make classroom DIR=submissions [LESSON=3] [OUT=results]    make gradescope (a zip to upload)
#   make lesson NAME=softmax    the files of a new lesson (docs/authors.md)
#   make test [LESSON=3]   make test-all   make lint   make bench   make mutants   make stubs
#   make readme (the README's pictures)    make tables (README's lessons, docs/mistakes.md)

DIR ?= submissions
OUT ?= results
NAME ?=

.PHONY: solutions classroom gradescope test test-all lint bench mutants stubs
.PHONY: readme tables lesson

solutions: $(VENV)/.student
	@$(CHECKS) verify $(LESSON) --device $(DEVICE) $(ARGS)

classroom: $(VENV)/.classroom
	@$(CHECKS) classroom "$(DIR)" $(LESSON) --out "$(OUT)" $(ARGS)

gradescope: $(VENV)/.student
	@mkdir -p build && rm -f build/autograder.zip && find checks -name __pycache__ -prune -exec rm -rf {} +
	@$(BIN)/python -m zipfile -c build/autograder.zip checks/gradescope/run_autograder \
		checks/gradescope/setup.sh checks data exercises Makefile pyproject.toml README.md LICENSE
	@echo "Upload build/autograder.zip as the autograder of a programming assignment."

# What judges one lesson alone, and what it is called in the names of tests; 1 is not 10.
ONE_LESSON := $(if $(LESSON),$(addprefix checks/tests/test_,bank.py claims.py lessons.py authors.py) \
	-k "lesson$(LESSON)_ or lesson$(LESSON)-")
# One process more than there are cores: some tests wait, for a time limit or a save.
PYTEST = $(BIN)/python -m pytest --dist worksteal \
	-n $(shell $(PYTHON) -c "import os; print(1 + (os.cpu_count() or 1))")

test: $(VENV)/.developer
	@$(PYTEST) -m "not slow" $(ONE_LESSON) $(ARGS)

# What need not run at every change: every seed, every way in, 10,000 random inputs.
test-all: test
	@$(PYTEST) -m slow $(ONE_LESSON) $(ARGS)

lesson: $(VENV)/.student
	@$(CHECKS) lesson "$(NAME)"

lint: $(VENV)/.developer
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(VENV)/.developer
	@for file in checks/tests/bench_*.py; do $(BIN)/python -m checks.tests.$$(basename $$file .py) || exit 1; done

# Draw the README's pictures anew, from the solutions; a test says when they are stale.
readme: $(VENV)/.developer
	@$(CHECKS) draw --from solutions --out figures
	@for picture in data/figures/*.png; do cp "figures/$$(basename $$picture)" "$$picture"; done
	@if command -v chromedriver > /dev/null; then $(BIN)/python -m checks.tests.animation; fi

# The tables that follow from the check files; a test says when they are stale.
tables: $(VENV)/.student
	@$(BIN)/python -m checks.grader.author.tables

# Every small change of a solution has to be noticed, or to have a reason why it cannot be.
mutants: $(VENV)/.developer
	@$(BIN)/python -m checks.tests.mutants $(LESSON) $(ARGS)

# Write exercises/ anew from solutions/: a stub is its solution with the bodies cut off.
stubs: $(VENV)/.student
	@$(BIN)/python -m checks.grader.author.stub

$(VENV)/.classroom: $(VENV)/.student
	@echo "Adding what isolates submissions."
	@$(PIP) "$(TORCH)" -e ".[classroom]"
	@touch $@

$(VENV)/.developer: $(VENV)/.student
	@echo "Adding what the project's own tests need."
	@$(PIP) "$(TORCH)" -e ".[dev]"
	@touch $@
