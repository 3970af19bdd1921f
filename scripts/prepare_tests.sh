#!/usr/bin/env bash
# Make ready what the tests need: .venv with Spark, CDK and notebooks, and the programs of the servers that they start, both at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

install_servers() {
    set -e
    [ "${RENTAL_TEST_MYSQL:-}" = mariadb ] || scripts/install_mysql.sh >/dev/null
    scripts/install_mariadb.sh
    scripts/install_postgresql.sh
    scripts/install_chromium.sh
}

install_servers &
servers=$!
trap 'wait "$servers" || true' EXIT
scripts/setup.sh
scripts/setup_notebooks.sh
trap - EXIT
wait "$servers"
# After the servers, since both may call apt.
scripts/setup_spark.sh --tests
scripts/setup_infra.sh --tests
