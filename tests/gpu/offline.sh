#!/usr/bin/env bash
# Run the tests of a GPU on a machine that can download nothing.
#   tests/gpu/offline.sh pack DIR [VERSION]   where there is a network: put all packages into DIR (VERSION: of Python, 3.11)
#   tests/gpu/offline.sh run DIR              on the machine with the GPU: install from DIR, check, measure, test
# DIR is copied from the one to the other beside the checkout; both need the same system and version of Python.
set -euo pipefail
cd "$(dirname "$0")/../.."
usage() { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }
[ $# -ge 2 ] || usage
case "$1" in
  pack)
    mkdir -p "$2"
    python3 -m pip download --dest "$2" --python-version "${3:-3.11}" --only-binary=:all: \
      -r requirements/runtime.txt -r requirements/dev.txt -r requirements/foundation.txt setuptools wheel
    ls "$2" > "$2/WHEELS.txt"
    echo "$(wc -l < "$2/WHEELS.txt") packages in $2, listed in WHEELS.txt" ;;
  run)
    python3 -m venv .venv-gpu
    .venv-gpu/bin/pip install --quiet --no-index --find-links "$2" setuptools wheel \
      -r requirements/runtime.txt -r requirements/dev.txt -r requirements/foundation.txt
    .venv-gpu/bin/pip install --quiet --no-index --no-deps --no-build-isolation -e .
    .venv-gpu/bin/python tools/gpu_check.py
    .venv-gpu/bin/python tools/analysis/gpu_benchmark.py --largest
    .venv-gpu/bin/python -m pytest -q -m gpu tests ;;
  *) usage ;;
esac
