#!/usr/bin/env bash
# The static checks and, beside them, every test; the number of pytest's workers is the argument. Pytest's own summary comes last.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
scripts/check.sh >"$reports/checks" 2>&1 &
checks=$!
.venv/bin/python -m pytest -n "$1" --dist loadgroup | tee "$reports/tests"
tests=$?
wait "$checks"
failed=$?
cat "$reports/checks"
tail -n 1 "$reports/tests"
exit $((tests ? tests : failed))
