#!/usr/bin/env bash
# Put dbt into build/dbt, an environment of its own: what only the tests need that run a dbt project.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

unset VIRTUAL_ENV PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT PIP_NO_BINARY
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
tools=build/dbt

run_quietly() {
    local output
    output=$("$@" 2>&1) || { printf '%s\ndbt: this command failed: %s\n' "$output" "$*" >&2; exit 1; }
}

stamp=$tools/.stamp
wanted=$(sha256sum <constraints-dbt.txt)
[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || exit 0
echo "setup: installing dbt"
mkdir -p "$(dirname "$tools")"
run_quietly .venv/bin/python -m venv --clear "$tools"
run_quietly "$tools/bin/python" -m pip install --no-deps --require-hashes --only-binary :all: -r constraints-dbt.txt
echo "$wanted" >"$stamp"
