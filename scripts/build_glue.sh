#!/usr/bin/env bash
# Put all that the Glue jobs are made of into dist/glue: the script, the wheels, and modules.txt, the value of
# --additional-python-modules once the folder has been copied to the prefix:
#   scripts/build_glue.sh --prefix s3://bucket/glue
# PYTHON names another Python of the project than .venv/bin/python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

prefix=s3://BUCKET/glue
out=dist/glue
python=${PYTHON:-.venv/bin/python}

usage() {
    printf 'build_glue: %s\nusage: scripts/build_glue.sh [--prefix s3://bucket/glue] [--out FOLDER]\n' "$*" >&2
    exit 2
}

while (($#)); do
    (($# > 1)) || usage "$1 needs a value"
    case $1 in
    --prefix) prefix=${2%/} ;;
    --out) out=$2 ;;
    *) usage "there is no option $1" ;;
    esac
    shift 2
done
case $prefix in
s3://?*) ;;
*) usage "--prefix $prefix is no s3:// URL" ;;
esac

run_quietly() {
    local output
    output=$("$@" 2>&1) || { printf '%s\n' "$output" >&2; printf 'build_glue: this command failed: %s\n' "$*" >&2; exit 1; }
}

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
unset PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT PIP_NO_BINARY
rm -rf "$out"
mkdir -p "$out"
requirements=$(mktemp)
project=$(mktemp -d)
trap 'rm -rf "$requirements" "$project"' EXIT
"$python" scripts/glue_requirements.py >"$requirements"
platforms=()
for platform in manylinux_2_28_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64 manylinux1_x86_64; do
    platforms+=(--platform "$platform")
done
run_quietly "$python" -m pip download --no-deps --require-hashes --only-binary :all: --dest "$out" \
    --python-version 3.11 --implementation cp "${platforms[@]}" --requirement "$requirements"
# Without the generator of marketplaces, which no job needs.
mkdir "$project/src"
cp pyproject.toml README.md LICENSE "$project"
cp -R src/rental_analytics "$project/src"
run_quietly "$python" -m pip wheel --no-deps --no-build-isolation --wheel-dir "$out" "$project"
cp scripts/rental_glue_job.py "$out"

modules=()
for wheel in "$out"/*.whl; do
    modules+=("$prefix/$(basename "$wheel")")
done
(IFS=, && printf '%s\n' "${modules[*]}") >"$out/modules.txt"
echo "build_glue: ${#modules[@]} wheels in $out, $(du -sh "$out" | cut -f1)"
