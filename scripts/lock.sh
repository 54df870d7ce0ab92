#!/bin/sh
# Usage: lock.sh PYTHON
# Writes requirements.lock: the newest versions that pyproject.toml allows, for running, testing
# and building, with the SHA-256 of every file of each; and requirements-tensorflow.lock, the same
# with TensorFlow, at the versions of the first wherever TensorFlow can do with them. Both are made in an
# environment of its own, because pip-tools is not among the things they lock.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$1" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet pip-tools==7.6.2

lock() {
    CUSTOM_COMPILE_COMMAND="make lock" "$work/venv/bin/pip-compile" pyproject.toml \
        --quiet --extra dev --all-build-deps --allow-unsafe --strip-extras --generate-hashes \
        --no-emit-options --no-emit-index-url --no-emit-find-links "$@"
}

lock --upgrade --output-file requirements.lock
cp requirements.lock requirements-tensorflow.lock
lock --extra tensorflow --output-file requirements-tensorflow.lock
