#!/usr/bin/env bash
# Put what the notebooks need into .venv; --lab adds JupyterLab.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

unset VIRTUAL_ENV PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT PIP_NO_BINARY
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

run_quietly() {
    local output
    output=$("$@" 2>&1) || { printf '%s\nnotebooks: this command failed: %s\n' "$output" "$*" >&2; exit 1; }
}

install() {
    local pins=$1 stamp=$2 what=$3 wanted
    wanted=$(cat "$pins" .venv/.stamp | sha256sum)
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    echo "setup: installing $what"
    run_quietly .venv/bin/python -m pip install --no-compile --require-hashes --only-binary :all: -r "$pins"
    echo "$wanted" >"$stamp"
}

install constraints-notebooks.txt .venv/.notebooks-stamp 'what the notebooks need'
[ "${1:-}" != --lab ] || install constraints-lab.txt .venv/.lab-stamp JupyterLab
