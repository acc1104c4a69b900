# `make run` and `make test` set up what they need by themselves; the stamp makes sure that they do it once.
PYTHON ?= $(firstword $(foreach p,python3 python3.12 python3.11 python3.10,$(shell \
	$(p) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $(p))))
BIN := .venv/bin
STAMP := .venv/.set-up
# The environment holds absolute paths: a clone that was moved or renamed, or whose Python is gone, sets itself up again.
IS_SET_UP := $(shell test "$$(cat $(STAMP) 2>/dev/null)" = "$$(pwd -P)" && $(BIN)/python -I -c '' 2>/dev/null && echo yes)

.PHONY: run test test-with-java test-without-java test-field test-cluster test-faults database browser pictures lint bench bench-full bench-models bench-gate lock setup archive moved

run: setup
	$(BIN)/sparkhouse run $(if $(EVENTS),--events "$(EVENTS)")

# Two processes: one has the tests that need Spark's JVM, the other all else.
test: setup
	$(MAKE) --no-print-directory --keep-going --jobs 2 test-with-java test-without-java

test-with-java: setup
	$(BIN)/pytest -m "java and not needs_root and not cluster"

test-without-java: setup
	$(BIN)/pytest -m "not java and not needs_root and not cluster"

# Other people's machines: what needs root, mounts or name spaces; each says why where it is skipped.
test-field: setup
	$(BIN)/pytest -m needs_root tests/field

# A cluster on this machine: Spark's own master and workers, and PostgreSQL, started and ended by the tests.
test-cluster: setup database
	$(BIN)/pytest -m cluster tests/cluster

# What tests of a cluster need, and skip without: Debian's PostgreSQL, without a server of its own, its driver for Java,
# and what joins hosts.
database:
	lacks="$$(ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || echo postgresql) \
		$$(test -r /usr/share/java/postgresql.jar || echo libpostgresql-jdbc-java) \
		$$(command -v ip > /dev/null || echo iproute2)"; \
	test -z "$$(echo $$lacks)" || { \
		mkdir -p /etc/postgresql-common; \
		ls /etc/postgresql-common/createcluster.conf > /dev/null 2>&1 || \
			echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; \
		apt-get -qq update && apt-get -qq install --yes --no-install-recommends $$lacks > /dev/null; } || \
		echo "PostgreSQL or its driver could not be installed: the tests on a cluster are skipped." >&2

# What tests of pages need, and skip without: Debian's Chromium, and axe-core from npm by its own lock file.
browser:
	command -v chromium > /dev/null || { apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium > /dev/null; }
	npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --silent

# The pictures of the README, of the report in the state folder.
pictures: setup
	PYTHONPATH=tests/helpers $(BIN)/python tests/browser/pictures.py

test-faults: setup
	$(BIN)/python tests/faults/kill_run.py
	$(BIN)/python tests/faults/machine_faults.py
	$(BIN)/python tests/faults/deliveries.py
	$(BIN)/python tests/faults/crowd.py

# dbt-bouncer and dbt-score judge the manifest in the default state folder; parsing starts no Spark. Needs Python 3.11 or 3.12.
lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/sqlfluff lint warehouse
	env -u SPARKHOUSE_HOME $(BIN)/dbt --quiet parse --project-dir warehouse --profiles-dir profiles
	$(BIN)/dbt-bouncer run --config-file dbt-bouncer.yml
	$(BIN)/dbt-score lint --manifest var/dbt/target/manifest.json

bench: setup
	$(BIN)/python tests/benchmarks/ratios.py
	$(BIN)/python tests/benchmarks/one_more_day.py
	PYTHONPATH=tests/helpers $(BIN)/python tests/benchmarks/day_by_day.py
	$(BIN)/python tests/benchmarks/sql_answers.py
	$(BIN)/python tests/benchmarks/app_load.py

# Hours, and some 60 GB of disk: ten and ninety times the log, more and more days, 12 GB.
bench-full: bench database
	$(BIN)/python tests/benchmarks/ratios.py 2250 1
	PYTHONPATH=tests/helpers $(BIN)/python tests/benchmarks/on_a_cluster.py 2250 1
	$(BIN)/python tests/benchmarks/one_more_day.py 2250
	$(BIN)/python tests/benchmarks/growth_in_days.py
	$(BIN)/python tests/benchmarks/large_log.py
	$(BIN)/python tests/benchmarks/ratios.py 20250 1
	$(BIN)/python tests/benchmarks/one_more_day.py 20250

# Five logs of 2,250 users, from simulation to metric card: what the README says of the champion.
bench-models: setup
	$(BIN)/python tests/benchmarks/five_logs.py $(FOLDER)

# 60 good logs of unlike services through ingest and build, and five poisons: what expectations/README.md says of the gate.
bench-gate: setup
	PYTHONPATH=tests/helpers $(BIN)/python tests/benchmarks/gate_logs.py

# Resolve the lock file anew from pyproject.toml.
lock: setup
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --universal \
		--python-version 3.10 --group dev pyproject.toml --output-file requirements.lock

setup: $(STAMP)

# The archive of Java's classes, anew: for another Java, or where `sparkhouse doctor` says that it does not fit.
archive: setup
	$(BIN)/python -I -m cli.spark.archive_setup

# uv first, from its own lines of the lock file; then exactly the lock file; then the project itself. Its two commands run
# isolated (-I): PYTHONPATH and PYTHONHOME of another project have no say in what they import. Last, the archive of classes
# that lets Spark start in half the time; all works without.
$(STAMP): requirements.lock pyproject.toml $(if $(IS_SET_UP),,moved)
	@test -n "$(PYTHON)" || { echo "Sparkhouse needs Python 3.10, 3.11 or 3.12 on the PATH (or: make PYTHON=/path/to/python3)." >&2; exit 2; }
	$(PYTHON) -m venv --clear .venv
	awk '/^uv==/ {on = 1; print; next} on && /^    --hash/ {print; next} on {exit}' requirements.lock > .venv/uv.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement .venv/uv.lock
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes --build-constraints requirements.lock requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable .
	for command in sparkhouse dbt; do \
		sed -i.whole "1,2s|/bin/python[0-9.]*[\"']\{0,1\}|& -I|" $(BIN)/$$command && rm $(BIN)/$$command.whole || exit; done
	$(BIN)/python -I -m cli.spark.archive_setup
	pwd -P > $(STAMP)

moved:
