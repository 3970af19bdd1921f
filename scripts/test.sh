#!/usr/bin/env bash
# The static checks and, beside them, every test. Pytest's own summary comes last. WORKERS is the number of its workers.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Where the environment forbids to keep bytecode, each of many processes would compile the same files.
unset PYTHONDONTWRITEBYTECODE

# Two more than there are cores, since many tests wait for servers. Each has servers of its own, and one has Spark: 6 GB in all.
workers=${WORKERS:-$(.venv/bin/python -c 'import os; print(min(6, (os.cpu_count() or 1) + 2))')}
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
scripts/check.sh >"$reports/checks" 2>&1 &
checks=$!
.venv/bin/python -m pytest -n "$workers" --dist loadgroup --no-loadscope-reorder | tee "$reports/tests"
tests=$?
wait "$checks"
failed=$?
cat "$reports/checks"
tail -n 1 "$reports/tests"
exit $((tests ? tests : failed))
