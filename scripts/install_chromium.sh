#!/usr/bin/env bash
# Make sure Chromium is there, in which the tests use the pages that the program writes. They start it themselves.
set -euo pipefail

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null && exit 0
done
[ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] && exit 0
if ! command -v apt-get >/dev/null; then
    echo "tests need Chromium or Google Chrome: install it so that chromium or google-chrome is on PATH" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "tests need Chromium: run sudo apt-get install chromium" >&2
    exit 1
fi
echo "test: installing chromium"
export DEBIAN_FRONTEND=noninteractive
output=$(apt-get update 2>&1 && apt-get install --yes --no-install-recommends chromium fonts-dejavu-core 2>&1) || {
    printf '%s\n' "$output" >&2
    exit 1
}
