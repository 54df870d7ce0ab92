#!/bin/sh
# Usage: setup_venv.sh PYTHON VENV PIP_VERSION
# Makes the virtual environment with exactly what requirements.lock names, checked by SHA-256.
set -eu

python=$1
venv=$2
pip_version=$3

if ! command -v "$python" >/dev/null; then
    echo "$python not found. Run: sudo apt-get install python3 python3-venv" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$("$python" --version) is too old: tflprof needs Python 3.11 or later." >&2
    echo "Name another one: make PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$("$python" --version) cannot make virtual environments." >&2
    echo "Run: sudo apt-get install python3-venv" >&2
    exit 1
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$venv/bin/python" -m pip install --quiet "pip==$pip_version"
"$venv/bin/python" -m pip install --quiet --require-hashes --requirement requirements.lock
