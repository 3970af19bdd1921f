#!/usr/bin/env bash
# Make sure PostgreSQL's server programs are there. The tests start it themselves, so no service is set up.
set -euo pipefail

if compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "tests need PostgreSQL: install it (macOS: brew install postgresql) so that initdb is on PATH" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "tests need PostgreSQL: run sudo apt-get install postgresql" >&2
    exit 1
fi
echo "test: installing postgresql"
# Read by the package when it is installed: without a cluster there is no service to run.
mkdir -p /etc/postgresql-common
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
fi
export DEBIAN_FRONTEND=noninteractive
output=$(apt-get update 2>&1 && apt-get install --yes --no-install-recommends -o Dpkg::Options::=--force-confold \
    postgresql 2>&1) || {
    printf '%s\n' "$output" >&2
    exit 1
}
