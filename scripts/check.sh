#!/usr/bin/env bash
# The static checks and what is generated, with --tests the fast tests too. All of them are done whatever fails: one line for
# each that passes, the whole output of each that fails.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Where the environment forbids to keep bytecode, each of many processes would compile the same files.
unset PYTHONDONTWRITEBYTECODE

failed=0
check() {
    local output
    if output=$("$@" 2>&1); then
        printf 'ok      %s\n' "${*#.venv/bin/}"
    else
        printf '%s\nFAILED  %s\n' "$output" "${*#.venv/bin/}"
        failed=1
    fi
}

check .venv/bin/ruff format --check .
check .venv/bin/ruff check .
check .venv/bin/lint-imports
check .venv/bin/mypy
check .venv/bin/sqlfluff lint --disable-progress-bar src/rental_analytics analytics
check .venv/bin/python scripts/generate.py --check
if [ "${1:-}" = --tests ]; then
    check .venv/bin/python -m pytest -m fast -q -n auto --maxprocesses 4 --dist worksteal
fi
exit "$failed"
