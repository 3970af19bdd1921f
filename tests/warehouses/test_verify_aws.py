"""`make verify-aws` runs; here against the stand-in, which says of itself what it cannot tell."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from warehouses.twins import environment

SCRIPT = Path(__file__).parents[2] / "scripts" / "verify_aws.py"
PAGE = SCRIPT.parents[1] / "docs" / "reference" / "verified.md"
# What the stand-in answers otherwise than Redshift is said to: a claim that comes to hold has to leave this list.
DIFFERENT = {"round-of-doubles": "without digits PostgreSQL rounds a half to the even number"}


def verify(warehouse: str, lake: str, s3: S3Server, redshift: RedshiftStandIn) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, "--warehouse", warehouse, "--lake", lake],
        env=os.environ | environment(s3, redshift),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.service
def test_it_runs_and_leaves_nothing(s3: S3Server, redshift: RedshiftStandIn) -> None:
    database, bucket = redshift.create_database(), s3.create_bucket()
    redshift.faults.clear()
    done = verify(f"redshift://test-workgroup/{database}", f"s3://{bucket}/some/prefix", s3, redshift)
    lines = re.findall(r"^(ok|FAILED|skipped) +(\S+): (.+)$", done.stdout, flags=re.MULTILINE)
    by_status = {
        status: {name for found, name, _ in lines if found == status} for status in ("ok", "FAILED", "skipped")
    }

    assert by_status["FAILED"] == DIFFERENT.keys(), done.stdout + done.stderr
    assert by_status["skipped"] == {"default-privileges"}
    assert {"first-run", "second-run"} <= by_status["ok"]
    assert done.returncode == bool(DIFFERENT)
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname IN ('raw_data', 'curated', 'presentation', 'ops')"
    assert redshift.execute(schemas, database) == []
    assert s3.client().list_objects_v2(Bucket=bucket).get("KeyCount") == 0


@pytest.mark.service
def test_it_refuses_a_database_that_is_in_use(s3: S3Server, redshift: RedshiftStandIn) -> None:
    database = redshift.create_database()
    redshift.faults.clear()
    redshift.execute("CREATE SCHEMA curated", database)
    done = verify(f"redshift://test-workgroup/{database}", f"s3://{s3.create_bucket()}/x", s3, redshift)

    assert (done.returncode, done.stdout) == (2, "")
    assert "curated" in done.stderr


@pytest.mark.fast
def test_a_claim_that_does_not_hold_is_a_failure() -> None:
    script = runpy.run_path(str(SCRIPT))
    told: list[tuple[str, str]] = []
    for name, holds in (("held", True), ("broken", False)):
        script["CLAIMS"].clear()
        script["CLAIMS"][name] = lambda _, holds=holds: script["need"](holds, "seen")
        script["run_claims"](None, lambda status, name, _: told.append((status, name)))

    assert told == [("ok", "held"), ("FAILED", "broken")]


@pytest.mark.fast
def test_every_claim_is_in_the_page() -> None:
    checks = re.findall(r"^@claim\ndef (\w+)", SCRIPT.read_text(), flags=re.MULTILINE)
    shown = set(re.findall(r"`([a-z0-9-]+)`", PAGE.read_text()))

    assert len(checks) > 20
    assert {name.replace("_", "-") for name in checks} - shown == set()
