#!/usr/bin/env bash
# Render the notebooks into build/notebooks, or open them in JupyterLab: notebooks.sh render|lab
# CONFIG is the configuration whose warehouse they read; by default that of the demo, which is made where it is not there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
demo=demo/rental.toml
config=${CONFIG:-$demo}

if [ "$config" = "$demo" ] && ! [ -e "$demo" ]; then
    scripts/demo.sh
fi
# The notebooks run in a folder of their own.
RENTAL_CONFIG=$(realpath "$config")
export RENTAL_CONFIG

case ${1:-} in
    render) .venv/bin/python scripts/notebooks.py render ;;
    lab)
        exec .venv/bin/jupyter lab --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
            --LabApp.news_url=None notebooks
        ;;
    *)
        echo 'usage: notebooks.sh render|lab' >&2
        exit 2
        ;;
esac
