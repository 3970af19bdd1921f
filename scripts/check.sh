#!/usr/bin/env bash
# The static checks: one line for each that passes, the whole output of each that fails.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

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
check .venv/bin/sqlfluff lint --disable-progress-bar src/rental_analytics/models
exit "$failed"
