#!/usr/bin/env bash
# Generate a marketplace in demo/, run the pipeline on it and show the numbers.
# With SOURCE=mysql://user@host:3306/database the marketplace is made there, in place of the tables of an earlier demo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rental=$PWD/.venv/bin/rental
# A fixed last day gives everyone the same marketplace and the same numbers.
end_date=2026-06-30
source=${SOURCE:-sqlite:///marketplace.db}
place=${SOURCE:+${SOURCE##*@}}

if [ -e demo ]; then
    echo 'Removing demo/ of an earlier call, with its warehouse'
    rm -rf demo
fi
mkdir demo
cd demo
echo "Generating a marketplace: ${place:-demo/marketplace.db}"
"$rental" generate --to "$source" ${SOURCE:+--replace} --end-date "$end_date" --dirty-rate 0.01 >generate.log
"$rental" init >/dev/null
export RENTAL_SOURCE__URL=$source
echo 'First run: everything is read'
"$rental" run --quiet
echo 'A day passes in the marketplace; second run: only what changed is read'
"$rental" generate --to "$source" --advance 1 >>generate.log
"$rental" run
"$rental" report --out "$PWD/report.html"
