# The verbs of this project; `make help` lists them.

VENV ?= .venv
BIN := $(VENV)/bin
# The first interpreter on PATH that the pinned requirements support; PYTHON=… overrides.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$name; break; }; done)
# uv installs in seconds what pip installs in minutes; where uv cannot reach the index as pip is set up to, pip does it.
UV_VERSION := 0.13.9
# Test processes side by side; one of them is busy with the end-to-end run.
WORKERS ?= 2
QUIETLY := -qq --disable-pip-version-check
# pip compiles what it installs, uv when told; else each process would, half of the start of dbt or Airflow.
UV_QUIETLY := --quiet --compile-bytecode
# Nothing here reports home.
export DO_NOT_TRACK := 1
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED := False
export GX_ANALYTICS_ENABLED := False

.DEFAULT_GOAL := help
.PHONY: help install install-spark manifest demo up collector env test test-all test-airflow test-spark bench chaos fuzz lint format lock dictionary screenshots licences clean

help: ## List the verbs
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: this machine has no Python 3.11, 3.12 or 3.13 on PATH; install one or set PYTHON=…" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(QUIETLY) uv==$(UV_VERSION)
	$(BIN)/uv pip install $(UV_QUIETLY) --python $(BIN)/python --no-deps --require-hashes -r requirements.txt \
		|| $(BIN)/python -m pip install $(QUIETLY) --no-deps --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e . || $(BIN)/python -m pip install $(QUIETLY) --no-deps -e .
	@touch $@

install: $(VENV)/.installed ## Make .venv from the pinned requirements

$(VENV)/.installed-spark: requirements-spark.txt $(VENV)/.installed
	$(BIN)/uv pip install $(UV_QUIETLY) --python $(BIN)/python --no-deps --require-hashes -r requirements-spark.txt \
		|| $(BIN)/python -m pip install $(QUIETLY) --no-deps --require-hashes -r requirements-spark.txt
	@touch $@

install-spark: $(VENV)/.installed-spark ## Add Spark to .venv (400 MB; needs Java 17 to run)

$(VENV)-bouncer/.installed: requirements-bouncer.txt $(VENV)/.installed
	$(BIN)/python -m venv --clear --without-pip $(VENV)-bouncer
	$(BIN)/uv pip install $(UV_QUIETLY) --python $(VENV)-bouncer/bin/python --no-deps --require-hashes -r requirements-bouncer.txt \
		|| $(BIN)/python -m pip --python $(VENV)-bouncer/bin/python install $(QUIETLY) --no-deps --require-hashes -r requirements-bouncer.txt
	@touch $@

# What a product service has: no Airflow, dbt, DuckDB or pandas. tests/services run in it.
$(VENV)-services/.installed: requirements-services.txt $(VENV)/.installed
	$(BIN)/python -m venv --clear --without-pip $(VENV)-services
	$(BIN)/uv pip install $(UV_QUIETLY) --python $(VENV)-services/bin/python --no-deps --require-hashes -r requirements-services.txt \
		|| $(BIN)/python -m pip --python $(VENV)-services/bin/python install $(QUIETLY) --no-deps --require-hashes -r requirements-services.txt
	$(BIN)/uv pip install --quiet --python $(VENV)-services/bin/python --no-deps -e . \
		|| $(BIN)/python -m pip --python $(VENV)-services/bin/python install $(QUIETLY) --no-deps -e .
	@touch $@

# What a bench measures this project's instrumentation against.
$(VENV)-rivals/.installed: requirements-rivals.txt $(VENV)/.installed
	$(BIN)/python -m venv --clear --without-pip $(VENV)-rivals
	$(BIN)/uv pip install $(UV_QUIETLY) --python $(VENV)-rivals/bin/python --no-deps --require-hashes -r requirements-rivals.txt
	@touch $@

manifest: install ## Parse the dbt project: once for its readers, and once for all builds
	@$(BIN)/dbt --quiet parse --project-dir dbt_project --profiles-dir dbt_project
	@$(BIN)/python -m ai_finops.build.parse_process

demo: manifest ## The whole way once on the bundled sample: extract, build, audit, publish, Monday's message
	@$(BIN)/python -m ai_finops.demo.run

up: manifest ## Airflow with its UI and the real scheduler on the sample, ending yesterday; Ctrl-C stops it
	@$(BIN)/python -m ai_finops.demo.up

collector: install ## An OTLP endpoint on loopback that writes into a local AWS, to try the instrumentation with; Ctrl-C stops it
	@$(BIN)/python -m ai_finops.demo.collector

# FOR=account for an AWS account of yours.
FOR ?= demo
env: install ## Write .env for docker-compose.yaml, with secrets of its own (FOR=demo or FOR=account)
	@$(BIN)/python -m ai_finops.deploy.env_file --for $(FOR)

# Files go to the workers in the order in which they were collected: the end-to-end run, the longest, first (tests/conftest.py).
IN_PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: manifest $(VENV)-bouncer/.installed $(VENV)-services/.installed ## All tests but the long ones, the end-to-end run included
	$(VENV)-services/bin/python -m pytest -m "not long" tests/services
	$(BIN)/python -m pytest -m "not long" $(IN_PARALLEL)

test-all: manifest $(VENV)-bouncer/.installed $(VENV)-services/.installed ## Also the tests marked long (large bills, many traces, Spark); what the system lacks for one is listed as skipped
	@if command -v java >/dev/null || test -x "$$JAVA_HOME/bin/java"; then $(MAKE) --no-print-directory install-spark; fi
	$(VENV)-services/bin/python -m pytest -rs tests/services
	$(BIN)/python -m pytest -rs $(IN_PARALLEL)

test-airflow: manifest ## Weeks, faults and killed processes under Airflow as it is deployed: PostgreSQL, LocalExecutor, Celery with Redis (half an hour)
	$(BIN)/python -m pytest -rs -s tests/scheduler

test-spark: install-spark manifest ## Of those, the tests of the models on Spark, alone and behind Spark Connect
	$(BIN)/python -m pytest -rs tests/build/test_spark.py tests/warehouse/test_spark.py tests/warehouse/test_spark_connect.py \
		tests/build/test_build_on_spark.py

# Which module of tests/benchmarks/ to run. Each says in its first lines what it measures and what else it takes (BENCH_SPANS, BENCH_CALLS, …).
BENCH ?= whole_day
BENCHES = $(filter-out made_%,$(basename $(notdir $(wildcard tests/benchmarks/*.py))))
bench: install $(if $(filter instrument_rivals,$(BENCH)),$(VENV)-rivals/.installed) ## Measure the whole day, or a path against its bare minimum (BENCH=whole_day, or another module of tests/benchmarks)
	@test -f tests/benchmarks/$(BENCH).py || { echo "make: no BENCH=$(BENCH); there are $(BENCHES)" >&2; exit 1; }
	@$(BIN)/python -m tests.benchmarks.$(BENCH)

# Which groups of tests/chaos/run.py; all of them when left out.
CHAOS ?=
chaos: manifest ## Kill it at every station, fill the disk, break network, files and clock; check all ten promises after each (CHAOS=group)
	@$(BIN)/python -m tests.chaos.run $(CHAOS)

# How many inputs in all; FUZZ_SEED draws others.
fuzz: install ## A million inputs, most of them broken, into every decoder (FUZZ_INPUTS=1000000; half an hour, docs/fuzzing.md); none may break it
	@$(BIN)/python -m tests.fuzz.run

lint: manifest $(VENV)-bouncer/.installed ## ruff, sqlfluff, dbt parse and dbt-bouncer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlfluff lint --disable-progress-bar dbt_project/models dbt_project/tests
	$(BIN)/dbt --quiet --warn-error parse --no-partial-parse --project-dir dbt_project --profiles-dir dbt_project
	$(VENV)-bouncer/bin/dbt-bouncer run --show-all-failures

format: install ## Rewrite Python and SQL in the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix --disable-progress-bar dbt_project/models dbt_project/tests

lock: ## Compile the requirements*.txt from pyproject.toml again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 pyproject.toml --extra pipeline --extra postgres --extra demo --extra dev \
		--generate-hashes --custom-compile-command "make lock" -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 pyproject.toml --extra spark -c requirements.txt \
		--generate-hashes --custom-compile-command "make lock" -o requirements-spark.txt
	uv pip compile --quiet --universal --python-version 3.11 --group pyproject.toml:bouncer \
		--generate-hashes --custom-compile-command "make lock" -o requirements-bouncer.txt
	uv pip compile --quiet --universal --python-version 3.11 pyproject.toml --extra otel --extra embed --extra router \
		--group services --generate-hashes --custom-compile-command "make lock" -o requirements-services.txt
	uv pip compile --quiet --universal --python-version 3.11 pyproject.toml --group rivals \
		--generate-hashes --custom-compile-command "make lock" -o requirements-rivals.txt

screenshots: install ## Take the pictures of docs/images/ of the page again, from the marts that `make demo` published (needs Chromium)
	@$(BIN)/python -m tests.ui.screenshots

dictionary: manifest ## Write docs/data_dictionary.md from the dbt project
	@$(BIN)/python -m ai_finops.dictionary docs/data_dictionary.md

licences: install $(VENV)-services/.installed $(VENV)-bouncer/.installed ## Write docs/licences.md from the locks and what is installed
	@$(BIN)/python -m ai_finops.deploy.licences docs/licences.md

clean: ## Remove what the demo and the tests wrote; .venv stays
	rm -rf var dbt_project/target dbt_project/logs .pytest_cache .ruff_cache .hypothesis
