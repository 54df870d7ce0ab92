#!/bin/sh
# Usage: lock.sh PYTHON
# Writes requirements.lock: the newest versions that pyproject.toml allows, for running, testing
# and building, with the SHA-256 of every file of each. It is made in an environment of its own,
# because pip-tools is not among the things it locks.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$1" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet pip-tools==7.6.2
CUSTOM_COMPILE_COMMAND="make lock" "$work/venv/bin/pip-compile" pyproject.toml \
    --quiet --upgrade --extra dev --all-build-deps --allow-unsafe --strip-extras --generate-hashes \
    --no-emit-options --no-emit-index-url --no-emit-find-links \
    --output-file requirements.lock
