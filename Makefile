# `make` says what there is. Every target does the set-up it needs; a second run finds it done.

PYTHON ?= python3
VENV ?= .venv
PIP_VERSION := 26.3
# Workers often wait for programs they started: three keep two cores busy. A file's tests stay together, and files with
# long ones come first, as they are named.
PYTEST_ARGS ?= -n 3 --dist loadfile --no-loadscope-reorder

BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
TENSORFLOW := $(VENV)/.tensorflow

export VENV MODEL TARGET PROFILE_ARGS

.NOTPARALLEL:

.PHONY: help setup emulation phone phone-profile profile test lint pytest test-tensorflow test-packages bench reports wheel lock clean

help:
	@echo 'make profile [MODEL=path] [TARGET=host|emulated:pixel2|adb|...] [PROFILE_ARGS=...]   profile a network, write out/*.parquet and .html'
	@echo 'make phone-profile   the same with TARGET=adb on a virtual phone, started for it'
	@echo 'make test            every check and test'
	@echo 'make lint            ruff, mypy and import rules only'
	@echo 'make pytest          the tests only [PYTEST_ARGS="-k name"]'
	@echo 'make test-tensorflow   the tests of what needs TensorFlow, which is installed for them'
	@echo 'make setup           the virtual environment in $(VENV) and the runner'
	@echo 'make emulation       the emulated ARM core (qemu-user and the arm64 libraries)'
	@echo 'make phone           a virtual phone behind a real adb server, until Ctrl-C [PHONE_ARGS="--model pixel3a"]'
	@echo 'make bench           measures the project itself; takes hours'
	@echo 'make reports         the rendered evidence under reports/'
	@echo 'make wheel           dist/*.whl, with the runners in it'
	@echo 'make lock            requirements.lock anew, from pyproject.toml'
	@echo 'make clean           removes what was built, not $(VENV)'

# Set-up

$(LOCKED): requirements.lock scripts/setup_venv.sh
	sh scripts/setup_venv.sh $(PYTHON) $(VENV) $(PIP_VERSION)
	@touch $@

$(INSTALLED): pyproject.toml hatch_build.py $(LOCKED)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# For fine-tuning and Keras models only.
$(TENSORFLOW): requirements-tensorflow.lock $(INSTALLED)
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes --requirement requirements-tensorflow.lock
	@touch $@

# The build script knows by itself whether the runner is up to date.
setup: $(INSTALLED)
	@$(BIN)/python android_runner/build.py >/dev/null

emulation: setup
	@sh scripts/setup_emulation.sh

# What only the tests need: a browser for the reports (libatomic1 for its driver), a compiler with
# sanitizers for the runner, 32-bit ARM libraries for its Android program, and what QEMU is built with. Without root
# the tests that need them fail and say so.
test-packages:
	@sh scripts/apt_install.sh 'the tests' chromium libatomic1 gcc libc6-dev libc6-armel-cross \
		make pkg-config libglib2.0-dev zlib1g-dev binutils debian-archive-keyring || true

# Use

profile: setup emulation
	@sh scripts/profile.sh

# Linux 6.7 or later on x86-64, root, Debian's apt. What it is made of goes to build/phone.
phone: setup
	@$(BIN)/python -m tests.phone $(PHONE_ARGS)

# A machine of root's on which `make phone` works.
phone-profile: setup emulation
	@$(BIN)/python -m scripts.phone_profile

# Checks

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

pytest: setup emulation test-packages
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-tensorflow: $(TENSORFLOW)
	$(BIN)/python -m pytest tests/tensorflow

test: lint
	@$(MAKE) --no-print-directory pytest
	@$(MAKE) --no-print-directory test-tensorflow

# Evidence and release

BENCHMARKS := agreement observer_effect coverage coverage_simulation emulation emulation_cost emulation_repeat prediction prediction_runtime prediction_threads table_chains table_speed table_prediction table_api_speed factorised_mobilenet low_rank_accuracy pruning_accuracy quantisation ssd_resolution digits planner architecture_search real_models many_models attribution delegate lints op_versions bad_input model_fuzz model_fuzz_guided model_fuzz_runtime trust speed adb_overhead throttling_simulation log_fuzz faults compare_speed history_speed history_steps comparison_simulation comparison_pools comparison_false_alarms comparison_power gate_emulated

# The digits are fetched by npm and trained on with TensorFlow.
bench: setup emulation $(TENSORFLOW)
	@for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name || exit; done

reports: setup emulation test-packages
	@sh scripts/reports.sh

wheel: setup
	$(BIN)/python -m hatchling build --target wheel

lock:
	sh scripts/lock.sh $(PYTHON)

clean:
	rm -rf build dist out tflprof/runner/bin .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
