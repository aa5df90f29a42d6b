# Every target installs what it needs into .venv first. PYTHON chooses the interpreter: make test PYTHON=python3.12
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
unexport PYTHONDONTWRITEBYTECODE # Python and pytest keep what they compiled: collecting the tests again takes a quarter less

.PHONY: demo poses openmmlab test test-all lint format docs notebooks install clean

demo: install ## make the demo data, train PoseC3D on it, test it and show the result
	$(BIN)/python tools/demo.py

poses: install ## install LiteRT and fetch the networks of BlazePose, for poses without another download
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[poses]"
	$(BIN)/python -c "from mmaction.preparation.poses.blazepose_files import model_files; print(*model_files('balanced'))"

openmmlab: install ## install MMPose and MMDetection without what they do not need here
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements/openmmlab.txt

test: lint ## lint, then run the tests; those marked slow are left to test-all
	$(BIN)/pytest -n $(WORKERS) -m "not slow"

test-all: lint poses openmmlab ## lint, then run every test
	$(BIN)/pytest -n $(WORKERS)

lint: install ## style, docstrings, security rules, types and spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/codespell

format: install ## rewrite the code in the house style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: install ## build the site into build/site (python3 -m http.server -d build/site shows it); a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

notebooks: install ## run the notebooks and keep what they show
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace docs/notebooks/*.ipynb

install: $(VENV)/.installed ## make .venv and install the package into it

$(VENV)/.installed: setup.py requirements/runtime.txt requirements/dev.txt requirements/pose.txt requirements/foundation.txt requirements/export.txt requirements/docs.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

clean: ## remove .venv and the caches, but no data and no results
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis build *.egg-info
