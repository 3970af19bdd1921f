#!/usr/bin/env bash
# Make sure the MariaDB server's programs are there. The tests start it themselves, so no service is set up.
set -euo pipefail
PATH=$PATH:/usr/sbin:/usr/local/sbin

if command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null; then
    exit 0
fi
# These packages hold the programs only: no service, no accounts, no files in /etc/mysql/mariadb.conf.d.
packages=(mariadb-server-core mariadb-client-core)
if ! command -v apt-get >/dev/null; then
    echo "tests need MariaDB: install it (macOS: brew install mariadb) so that mariadbd is on PATH" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "tests need MariaDB: run sudo apt-get install ${packages[*]}" >&2
    exit 1
fi
echo "test: installing ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
output=$(apt-get update 2>&1 && apt-get install --yes --no-install-recommends "${packages[@]}" 2>&1) || {
    printf '%s\n' "$output" >&2
    exit 1
}
