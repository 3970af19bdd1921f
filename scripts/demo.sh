#!/usr/bin/env bash
# Generate a marketplace in demo/, run the pipeline on it and show the numbers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rental=$PWD/.venv/bin/rental
# A fixed last day gives everyone the same marketplace and the same numbers.
end_date=2026-06-30

rm -rf demo
mkdir demo
cd demo
"$rental" generate --to sqlite:///marketplace.db --end-date "$end_date" --dirty-rate 0.01
"$rental" init
"$rental" run --config rental.toml
