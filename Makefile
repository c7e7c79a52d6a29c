# Two commands do everything: `make check` and `make test`. Each sets up .venv when it is missing.
#
#   make check [LESSON=3] [SOURCE=folder] [DEVICE=cuda] [ARGS='--seed 1']
#   make watch [LESSON=3]     the same on every save
#   make hint LESSON=3        make reset LESSON=3       make solutions [DEVICE=cuda]
#   make figures [LESSON=3] [SOURCE=solutions]
#   make classroom DIR=submissions [OUT=results]       make gradescope (a zip to upload)
#   make lesson NAME=softmax  the files of a new lesson (docs/authors.md)
#   make test [LESSON=3]   make lint   make bench   make mutants   make stubs   make readme
#
# Another torch, for a GPU say:  make check TORCH='torch'

PYTHON ?= python3
TORCH ?= torch==2.13.*
VENV ?= .venv
BIN := $(VENV)/bin
LESSON ?=
NAME ?=
SOURCE ?= exercises
DEVICE ?= cpu
DIR ?= submissions
OUT ?= results
ARGS ?=
CHECKS := $(BIN)/python -m checks

.DEFAULT_GOAL := check
.PHONY: check watch hint reset solutions figures classroom gradescope
.PHONY: test lesson lint bench mutants stubs readme

check: $(VENV)/.student
	@$(CHECKS) check $(LESSON) --from "$(SOURCE)" --device $(DEVICE) $(ARGS)

# 1 is "not everything is passed yet", which is no news on leaving.
watch: $(VENV)/.student
	@$(CHECKS) watch $(LESSON) --from "$(SOURCE)" --device $(DEVICE) $(ARGS) || [ $$? -eq 1 ]

hint: $(VENV)/.student
	@$(CHECKS) hint $(LESSON)

reset: $(VENV)/.student
	@$(CHECKS) reset $(LESSON)

solutions: $(VENV)/.student
	@$(CHECKS) verify $(LESSON) --device $(DEVICE) $(ARGS)

figures: $(VENV)/.student
	@$(CHECKS) draw $(LESSON) --from "$(SOURCE)" $(ARGS)

classroom: $(VENV)/.classroom
	@$(CHECKS) classroom "$(DIR)" --out "$(OUT)" $(ARGS)

gradescope: $(VENV)/.student
	@mkdir -p build && rm -f build/autograder.zip && find checks -name __pycache__ -prune -exec rm -rf {} +
	@$(BIN)/python -m zipfile -c build/autograder.zip checks/gradescope/run_autograder \
		checks/gradescope/setup.sh checks data exercises pyproject.toml README.md LICENSE
	@echo "Upload build/autograder.zip as the autograder of a programming assignment."

# With LESSON=8, what judges that lesson alone: its bank, claims, draws, witnesses and words.
test: $(VENV)/.developer
	@$(BIN)/python -m pytest $(if $(LESSON),checks/tests/test_bank.py checks/tests/test_claims.py \
		checks/tests/test_lessons.py checks/tests/test_authors.py \
		-k "lesson$(LESSON)_ or lesson$(LESSON)-") $(ARGS)

lesson: $(VENV)/.student
	@$(CHECKS) lesson "$(NAME)"

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

$(VENV)/.student: pyproject.toml
	@echo "Setting up $(VENV) with $(TORCH), numpy, matplotlib and pytest. Once; this takes a minute."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)" -e .
	@touch $@

$(VENV)/.classroom: $(VENV)/.student
	@echo "Adding what isolates submissions."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)" -e ".[classroom]"
	@touch $@

$(VENV)/.developer: $(VENV)/.student
	@echo "Adding what the project's own tests need."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)" -e ".[dev]"
	@touch $@
