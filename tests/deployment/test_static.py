"""What other programs say of the templates: cfn-lint, checkov, and a validator of state machines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from deployment.synthesized import Synthesized, synthesized
from infra.parts.job_code import BUILT, ROOT

pytestmark = pytest.mark.service

LINTED = {
    "W3005": "a policy has to be there before what uses its role: CDK says so, beside what the reference implies",
    "W3010": "zones are chosen by the configuration, since the warehouse needs three",
}
"""Warnings of cfn-lint that stand."""

CHECKED = {
    "CKV_AWS_18": "the bucket of access logs does not log itself",
    "CKV_AWS_115": "a deployment runs one function at a time",
    "CKV_AWS_116": "CloudFormation waits for the function, and shows why it failed",
    "CKV_AWS_117": "the functions talk to public AWS services alone",
    "CKV_AWS_118": "metrics of the database's operating system cost more than they tell of a source that is only read",
    "CKV_AWS_149": "secrets have the deployment's key; checkov does not follow imports between stacks",
    "CKV_AWS_173": "the functions have no variables",
}
"""Checks of checkov that stand."""


@pytest.fixture(scope="module")
def minimal() -> Synthesized:
    return synthesized("minimal")


def test_cfn_lint_finds_nothing_new(minimal: Synthesized) -> None:
    files = sorted(map(str, minimal.folder.glob("*.template.json")))
    program = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([program, "--format", "json", *files], capture_output=True, text=True, check=False)
    found = [(one["Rule"]["Id"], one["Location"]["Path"]) for one in json.loads(done.stdout or "[]")]
    assert [one for one in found if one[0] not in LINTED] == []


def test_checkov_finds_nothing_new(minimal: Synthesized, tmp_path: Path) -> None:
    for file in minimal.folder.glob("*.template.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    program = ROOT / ".venv" / "share" / "checkov" / "bin" / "checkov"
    command = [
        program,
        "--directory",
        tmp_path,
        "--framework",
        "cloudformation",
        "--output",
        "json",
        "--compact",
        "--quiet",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    failed = [(one["check_id"], one["resource"]) for one in report["results"]["failed_checks"]]
    assert report["summary"]["passed"] > 50
    assert [one for one in failed if one[0] not in CHECKED] == []


def test_wheels_of_the_jobs_exist_by_names_that_pip_takes(minimal: Synthesized) -> None:
    wheels = {file.name for file in BUILT.glob("*.whl")}
    for job in minimal.resources("AWS::Glue::Job").values():
        urls = json.dumps(job["DefaultArguments"]["--additional-python-modules"])
        named = set(re.findall(r"/([^/,\"]+\.whl)", urls))
        assert named == wheels
    for name in wheels:
        assert re.fullmatch(r"[\w.]+-[\w.]+-[\w.]+-[\w.]+-[\w.]+\.whl", name), name
        with ZipFile(BUILT / name) as wheel:
            assert [entry for entry in wheel.namelist() if entry.endswith(".dist-info/WHEEL")]


def test_wheels_install_where_there_is_no_network(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", tmp_path, "--quiet"]
    subprocess.run([*command, *sorted(BUILT.glob("*.whl"))], check=True, capture_output=True)
    parts = ("runners.glue", "storage.s3", "warehouses.redshift.warehouse")
    script = "".join(f"import rental_analytics.{part}\n" for part in parts)
    subprocess.run([sys.executable, "-S", "-c", script], check=True, env={"PYTHONPATH": str(tmp_path)})
