#!/usr/bin/env bash
# Write constraints.txt anew from pyproject.toml. Pins stay unless asked to move:
#   scripts/update_constraints.sh --upgrade
#   scripts/update_constraints.sh --upgrade-package pyarrow
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

workspace=$(mktemp -d)
trap 'rm -rf "$workspace"' EXIT
python3 -m venv "$workspace/venv"
"$workspace/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv

# hatchling and editables build the project; DuckDB 2 is a new major version that has yet to prove itself.
printf '%s\n' hatchling editables 'duckdb==1.5.5' >"$workspace/more.in"
"$workspace/venv/bin/uv" pip compile pyproject.toml "$workspace/more.in" --output-file constraints.txt --quiet \
    --all-extras --universal --python-version 3.11 --generate-hashes \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@"
