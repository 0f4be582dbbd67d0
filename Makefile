# Everything starts from a fresh clone with Python 3.11 or newer, git and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest

# The tests start the program some hundred times: let Python compile it once.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup run test service check dist schemas pictures screenshots bench campaign chaos http browser lock clean

setup: $(STAMP)

# Rebuilt when the locks or the project's metadata change; otherwise this costs one `stat` each.
$(STAMP): requirements-dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
	  { echo "jeeves-runner needs Python 3.11 or newer; '$(PYTHON)' was not found. Name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "jeeves-runner needs Python 3.11 or newer; $$($(PYTHON) --version) is too old. Name another: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Setting up $(VENV) (once)" >&2
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

run: $(STAMP)
	@exec $(BIN)/jeeves-runner serve

test: $(STAMP)
	$(PYTEST) -n auto --dist worksteal $(ARGS)

# The whole program as a process: started, stopped, killed, without room. tests/service, four minutes.
service: $(STAMP)
	$(PYTEST) -n auto --dist worksteal -m "service and not chaos and not campaign and not http and not browser" $(ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Wheels to install elsewhere, named once they are there: the program, and the client of scripts alone.
DIST := dist
dist: $(STAMP)
	@rm -f $(DIST)/jeeves_runner*.whl
	@for folder in . packaging/client; do \
	  said=$$($(BIN)/python -m build --wheel --no-isolation --outdir $(DIST) $$folder 2>&1) || { echo "$$said" >&2; exit 1; }; done
	@ls $(DIST)/jeeves_runner*.whl

# Property tests with many more examples, 140 rounds of chaos, 50 of a pipeline, an hour of requests: not part of
# `make test`.
campaign: $(STAMP)
	$(PYTEST) -n auto -m campaign -rP --timeout 0 $(ARGS)

# Attacks on a running server, a minute of them. CHAOS_SEED="1 2" plays these rounds instead.
chaos: $(STAMP)
	$(PYTEST) -m chaos -rP $(ARGS)

# Attacks on the HTTP API by its own description, two minutes of them.
http: $(STAMP)
	$(PYTEST) -m "http and not campaign" -rP $(ARGS)

# The dashboard in a real browser, which is skipped where Chromium is not installed.
browser: $(STAMP)
	$(PYTEST) -n 2 -m "browser and not campaign" $(ARGS)

# The parts of schemas/ and of the pages on HTTP that are made from other things; a test fails until this has
# been run.
schemas: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m support.schema_files

# The pictures of messages in the documentation, in the same way.
pictures: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m support.picture_page

# Those of the dashboard and of a terminal, in headless Chromium. They show the time at which they were taken.
screenshots: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m support.dashboard_pictures
	PYTHONPATH=tests $(BIN)/python -m support.terminal_picture

bench: $(STAMP)
	$(BIN)/python -m benchmarks $(ARGS)

# The lock files hold hashes of every platform's wheels, and no address of where they came from.
LOCK := pip-compile --quiet --upgrade --strip-extras --generate-hashes --no-header --no-emit-options \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links pyproject.toml
lock:
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install --quiet pip-tools
	.venv-lock/bin/$(LOCK) --output-file requirements.lock
	.venv-lock/bin/$(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	@for file in requirements.lock requirements-dev.lock; do \
	  printf '%s\n' '# Made by `make lock` from pyproject.toml; do not edit.' | cat - $$file > $$file.new && mv $$file.new $$file; done
	@rm -rf .venv-lock

clean:
	rm -rf $(VENV) .venv-lock dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
