#!/usr/bin/env bash
# Put what the deployment to AWS is synthesized with into .venv, and Node.js onto the machine where it is missing; --tests adds
# what only tests need: a second JSONata, a validator of state machines, and checkov.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

unset VIRTUAL_ENV PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT PIP_NO_BINARY
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
packages=.venv/share/node
checkov=.venv/share/checkov

run_quietly() {
    local output
    output=$("$@" 2>&1) || { printf '%s\ninfra: this command failed: %s\n' "$output" "$*" >&2; exit 1; }
}

for program in node npm; do
    command -v "$program" >/dev/null && continue
    if ! command -v apt-get >/dev/null; then
        echo "infra: install Node.js with npm: CDK runs on it" >&2
        exit 1
    elif [ "$(id -u)" != 0 ]; then
        echo "infra: run sudo apt-get install --no-install-recommends nodejs npm" >&2
        exit 1
    fi
    echo "setup: installing Node.js"
    export DEBIAN_FRONTEND=noninteractive
    run_quietly apt-get update
    run_quietly apt-get install --yes --no-install-recommends nodejs npm
done

major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
if [ "$major" -lt 22 ]; then
    echo "infra: CDK supports Node.js 22 and 24, and this is $(node --version); it warns, and may stop working" >&2
fi

stamp=.venv/.infra-stamp
wanted=$(cat constraints-infra.txt .venv/.stamp | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "setup: installing CDK"
    run_quietly .venv/bin/python -m pip install --require-hashes --only-binary :all: -r constraints-infra.txt
    echo "$wanted" >"$stamp"
fi
[ "${1:-}" = --tests ] || exit 0

wanted=$(cat tests/deployment/node/package-lock.json | sha256sum)
if [ "$(cat "$packages/.stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "setup: fetching the reference JSONata and a validator of state machines"
    mkdir -p "$packages"
    cp tests/deployment/node/package.json tests/deployment/node/package-lock.json "$packages"
    (cd "$packages" && run_quietly npm ci --no-audit --no-fund --ignore-scripts)
    echo "$wanted" >"$packages/.stamp"
fi

wanted=$(sha256sum <constraints-checkov.txt)
if [ "$(cat "$checkov/.stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "setup: installing checkov, whose packages do not go with ours"
    run_quietly .venv/bin/python -m venv --clear "$checkov"
    run_quietly "$checkov/bin/python" -m pip install --require-hashes --only-binary :all: -r constraints-checkov.txt
    echo "$wanted" >"$checkov/.stamp"
fi
