#!/usr/bin/env bash
# Make sure the programs of Oracle's MySQL server are there, and print where mysqld is; --installed only looks. The tests start it themselves.
#
# Ubuntu has a package. Debian has it in its unstable suite only: the server and its libraries, the C library included,
# are unpacked into a cache folder and run from there by their own loader, so nothing on the machine changes.
set -euo pipefail
PATH=$PATH:/usr/sbin:/usr/local/sbin

cache=${XDG_CACHE_HOME:-$HOME/.cache}/rental-analytics/mysql
program=$cache/mysqld

fail() {
    printf '%s\n' "$*" >&2
    echo "tests need Oracle's MySQL; RENTAL_TEST_MYSQL=mariadb make test runs them on MariaDB alone" >&2
    exit 1
}

# MariaDB also ships a program of this name.
is_mysql() {
    "$1" --no-defaults --version 2>/dev/null | grep -qi mysql && ! "$1" --no-defaults --version | grep -qi mariadb
}

find_mysqld() {
    local candidate
    for candidate in "$(command -v mysqld || true)" "$program"; do
        if [ -n "$candidate" ] && [ -x "$candidate" ] && is_mysql "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

run_quietly() {
    local output
    output=$("$@" 2>&1) || { printf '%s\n' "$output" >&2; fail "this command failed: $*"; }
}

# The address of the machine's own Debian mirror.
mirror() {
    apt-get indextargets --format '$(SITE)|$(ORIGIN)|$(LABEL)' 'Created-By: Packages' 2>/dev/null |
        awk -F '|' '$2 == "Debian" && $3 == "Debian" { print $1; exit }'
}

unpack_for_debian() {
    local site keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    site=$(mirror)
    if [ -z "$site" ]; then
        [ "$(id -u)" != 0 ] || apt-get update >/dev/null 2>&1 || true
        site=$(mirror)
    fi
    [ -n "$site" ] || fail "tests need MySQL, and apt names no Debian mirror: run apt-get update"
    [ -e "$keyring" ] || fail "tests need MySQL: run sudo apt-get install debian-archive-keyring"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/lists/partial" "$work/archives/partial"
    echo "deb [signed-by=$keyring] $site sid main" >"$work/sources.list"
    local options=(
        -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$work/lists" -o "Dir::State::status=/dev/null" -o "Dir::Cache=$work"
        -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o APT::Sandbox::User=
        -o Debug::NoLocking=true
    )
    echo "test: unpacking mysql-server-core into $cache" >&2
    run_quietly apt-get "${options[@]}" update
    run_quietly apt-get "${options[@]}" --yes --download-only --no-install-recommends install mysql-server-core
    rm -rf "$cache" "$cache.new"
    mkdir -p "$cache.new/root"
    local package
    for package in "$work"/archives/*.deb; do
        case ${package##*/} in
            perl* | libperl*) ;; # for mysqld_safe and its like, which the tests do not use
            *) dpkg-deb -x "$package" "$cache.new/root" ;;
        esac
    done
    write_program >"$cache.new/mysqld"
    chmod +x "$cache.new/mysqld"
    # Whole or not at all: another test run may be doing the same.
    mv -T "$cache.new" "$cache"
}

write_program() {
    cat <<'PROGRAM'
#!/bin/sh
# Runs the unpacked server by its own loader and libraries.
root=$(dirname "$(readlink -f "$0")")/root
loader=$(ls "$root"/usr/lib64/ld-linux-*.so.* "$root"/lib64/ld-linux-*.so.* "$root"/usr/lib/ld-linux-*.so.* 2>/dev/null | head -n 1)
libraries=$(ls -d "$root"/usr/lib/*-linux-gnu "$root"/usr/lib/mysql/private 2>/dev/null | paste -sd :)
defaults=
case $1 in --no-defaults) defaults=$1; shift ;; esac
exec "$loader" --library-path "$libraries" "$root/usr/sbin/mysqld" $defaults --basedir="$root/usr" \
    --lc-messages-dir="$root/usr/share/mysql" --character-sets-dir="$root/usr/share/mysql/charsets" \
    --plugin-dir="$root/usr/lib/mysql/plugin" "$@"
PROGRAM
}

# --installed only asks where it is.
if find_mysqld || [ "${1:-}" = --installed ]; then
    find_mysqld >/dev/null
    exit
fi
command -v apt-get >/dev/null || fail "tests need MySQL: install it (macOS: brew install mysql) so that mysqld is on PATH"
# shellcheck disable=SC1091
distribution=$(. /etc/os-release && echo "$ID")
if [ "$distribution" = debian ]; then
    unpack_for_debian
else
    [ "$(id -u)" = 0 ] || fail "tests need MySQL: run sudo apt-get install mysql-server-core"
    echo "test: installing mysql-server-core" >&2
    export DEBIAN_FRONTEND=noninteractive
    run_quietly apt-get update
    # Ubuntu names the version in the package's name.
    package=$(apt-cache pkgnames mysql-server-core | sort -V | tail -n 1)
    run_quietly apt-get install --yes --no-install-recommends "${package:-mysql-server-core}"
fi
find_mysqld || fail "tests need MySQL: what was installed does not run"
