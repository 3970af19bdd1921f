#!/usr/bin/env bash
# Make .venv from constraints.txt and put the project into it. Does nothing when both are unchanged.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The user's pip settings for other projects must not redirect this installation.
unset VIRTUAL_ENV PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT PIP_NO_BINARY
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

run_quietly() {
    local output
    output=$("$@" 2>&1) || { printf '%s\n' "$output" >&2; fail "this command failed: $*"; }
}

works() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if works "$candidate"; then
            printf '%s' "$candidate"
            return
        fi
    done
    fail "needs Python 3.11 or newer; found: $(python3 --version 2>/dev/null || echo none)." \
        "Install one, or name one: make setup PYTHON=/path/to/python3"
}

# Debian and Ubuntu ship the module that puts pip into a virtual environment as a package of its own.
ensure_ensurepip() {
    "$1" -c 'import ensurepip' >/dev/null 2>&1 && return
    local package
    package=$("$1" -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))')
    if ! command -v apt-get >/dev/null; then
        fail "$1 lacks the module ensurepip: install your system's package for Python's venv"
    fi
    [ "$(id -u)" = 0 ] || fail "$1 lacks the module ensurepip: run sudo apt-get install $package"
    echo "setup: installing $package"
    export DEBIAN_FRONTEND=noninteractive
    run_quietly apt-get update
    run_quietly apt-get install --yes --no-install-recommends "$package"
}

# Console scripts hold the folder's absolute path: a moved or copied checkout needs a new .venv.
describe() {
    "$1" - <<'PY'
import hashlib, os, sys
parts = [open(name, "rb").read() for name in ("pyproject.toml", "constraints.txt", "scripts/setup.sh")]
print(os.getcwd(), sys.version.split()[0], hashlib.sha256(b"".join(parts)).hexdigest())
PY
}

stamp=.venv/.stamp
if works .venv/bin/python && [ "$(cat "$stamp" 2>/dev/null)" = "$(describe .venv/bin/python)" ]; then
    exit 0
fi

started=$SECONDS
if ! works .venv/bin/python || ! [ -f "$stamp" ] || [ "$(cut -d' ' -f1 "$stamp")" != "$PWD" ]; then
    python=$(find_python)
    ensure_ensurepip "$python"
    echo "setup: making .venv with $("$python" --version)"
    run_quietly "$python" -m venv --clear .venv
fi
rm -f "$stamp"
echo "setup: installing $(grep -c == constraints.txt) pinned packages"
run_quietly .venv/bin/python -m pip install --require-hashes --only-binary :all: -r constraints.txt
# The build backend is one of the pinned packages, so nothing unpinned is fetched to build the project.
run_quietly .venv/bin/python -m pip install --no-deps --no-build-isolation --editable .
describe .venv/bin/python >"$stamp"
echo "setup: ready in $((SECONDS - started)) s"
