# The two commands: `make demo` sets everything up and answers, `make test` sets everything up and proves it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: demo test quick lint format bench browser screens release lock clean

demo: .venv/.runtime
	$(BIN)/sancho demo

# A process per core, a thread each; a file stays with one process, which makes what its tests share once. The
# files of whole pipelines begin first, so that none is left over at the end.
test: lint browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term

# The tests of pages look at them with the system's Chromium. Without the font, Japanese is boxes.
CHROMIUM := command -v chromium || command -v chromium-browser || command -v google-chrome-stable || command -v google-chrome
browser:
	@{ $(CHROMIUM); } >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
	  && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null; } \
	  || echo "No Chromium here, and it cannot be installed: the tests of pages in a browser will be skipped."

# How the pages look, with the organisation of `make demo`: HOME_OF=DIR names the copy of its home to look at.
screens: .venv/.dev browser
	$(BIN)/python -m tools.screens --home $(HOME_OF)

# What needs no training, while one writes.
quick: .venv/.dev
	$(BIN)/python -m pytest -q -m "not slow"

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Timings are ratios printed by one run each, not tests; `make bench` runs them all, small. What measures accuracy
# takes longer, and what needs a home or a folder is told which: both are run by name.
STUDIES := attainment_tails base_models coverage_periods currencies demo_story erased_answers faults \
	hostile_requests interval_coverage leakage leakage_columns leakage_lists deal_pages measured_costs picture_costs model_comparison \
	openapi_calls pages_in_a_browser promotion_gate promotion_worlds real_logs recompute_backtest recorded_answers sign_in \
	silent_connections soak stored_answers stored_deals under_load who_sees_what workers_memory
bench: .venv/.dev
	for script in $(filter-out benchmarks/accuracy_% benchmarks/forecast_% $(STUDIES:%=benchmarks/%.py),$(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# What takes longer than `make test` may: step by step, each once per commit; results go to docs/release.md.
release: .venv/.dev
	$(BIN)/python -m tools.release $(STEPS)

# Pins everything anew, with hashes and without an index's address.
lock: .venv/.dev
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras --quiet --extra scale -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras --quiet --extra scale --extra dev -o requirements-dev.lock
	echo 'setuptools>=77' | $(BIN)/uv pip compile - --constraint requirements-dev.lock --universal --python-version 3.11 --generate-hashes --no-header --quiet -o requirements-build.lock

clean:
	rm -rf .venv .sancho build dist *.egg-info

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Sancho needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.runtime: .venv/.python requirements.lock pyproject.toml
	@echo "Installing (about two minutes the first time) ..."
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -e .
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements-dev.lock
	@touch $@
