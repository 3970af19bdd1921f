#!/usr/bin/env bash
# Put Cosmic Ray, and beside it coverage.py for the tests' own Python, into build/mutation: what only `make mutants` needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

unset VIRTUAL_ENV PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT PIP_NO_BINARY
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
tools=build/mutation/tools
pins=scripts/mutation/constraints.txt

run_quietly() {
    local output
    output=$("$@" 2>&1) || { printf '%s\nmutants: this command failed: %s\n' "$output" "$*" >&2; exit 1; }
}

stamp=$tools/.stamp
wanted=$(cat "$pins" .venv/.stamp | sha256sum)
[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || exit 0
echo "setup: installing Cosmic Ray"
mkdir -p "$(dirname "$tools")"
run_quietly .venv/bin/python -m venv --clear "$tools"
run_quietly "$tools/bin/python" -m pip install --no-deps --require-hashes --only-binary :all: -r "$pins"
# Tests run in .venv, whose own packages no other may hide: so coverage.py comes alone.
awk '/^[a-z]/ { kept = /^coverage==/ } kept' "$pins" >"$tools/coverage.txt"
run_quietly .venv/bin/python -m pip install --no-deps --require-hashes --only-binary :all: \
    --target "$tools/coverage" -r "$tools/coverage.txt"
echo "$wanted" >"$stamp"
