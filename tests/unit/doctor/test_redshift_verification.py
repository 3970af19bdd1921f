"""`make verify-aws` runs; here against the stand-in, which says of itself what it cannot tell."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rental_analytics.doctor.redshift.claim import REMEDY, claim, need
from rental_analytics.doctor.redshift.claims import CLAIMS
from rental_analytics.doctor.redshift.sandbox import Sandbox
from rental_analytics.doctor.redshift.verification import check_unused
from rental_analytics.doctor.results import CheckResult, CheckStatus, SkippedError
from rental_analytics.errors import WarehouseError
from rental_analytics.warehouses.redshift.data_api import DataApi, Target
from servers.redshift_stand_in import RedshiftStandIn
from servers.s3 import S3Server
from warehouses.twins import environment

SCRIPT = Path(__file__).parents[3] / "scripts" / "verify_aws.py"
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


@pytest.mark.exhaustive
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
    ours = ("raw_data", "curated", "intermediate", "presentation", "ops")
    schemas = f"SELECT nspname FROM pg_namespace WHERE nspname IN {ours}"
    assert redshift.execute(schemas, database) == []
    assert s3.client().list_objects_v2(Bucket=bucket).get("KeyCount") == 0


@pytest.mark.service
@pytest.mark.remedy("verification-database-in-use")
def test_it_refuses_a_database_that_is_in_use(
    s3: S3Server, redshift: RedshiftStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = redshift.create_database()
    redshift.faults.clear()
    redshift.execute("CREATE SCHEMA curated", database)
    done = verify(f"redshift://test-workgroup/{database}", f"s3://{s3.create_bucket()}/x", s3, redshift)

    assert (done.returncode, done.stdout) == (2, "")
    assert "curated" in done.stderr
    assert "name an empty database" in done.stderr
    for name, value in environment(s3, redshift).items():
        monkeypatch.setenv(name, value)
    check_unused(DataApi(Target("test-workgroup", redshift.create_database())))


def held(_: Sandbox) -> str:
    return need(True, "seen")


def broken(_: Sandbox) -> str:
    return need(False, "seen")


def refused(_: Sandbox) -> str:
    raise WarehouseError("It was refused.", remedy="ask again.", reason="example")


def unexpected(_: Sandbox) -> str:
    raise KeyError("absent")


def skipped(_: Sandbox) -> str:
    raise SkippedError("not here", "go there")


@pytest.mark.fast
@pytest.mark.parametrize(
    ("check", "status", "seen", "remedy"),
    [
        (held, CheckStatus.OK, "seen", ""),
        (broken, CheckStatus.FAILED, "seen", REMEDY),
        (refused, CheckStatus.FAILED, "It was refused.", "ask again."),
        (unexpected, CheckStatus.FAILED, "KeyError('absent')", REMEDY),
        (skipped, CheckStatus.SKIPPED, "not here", "go there"),
    ],
)
def test_a_result_says_how_a_check_ended(
    check: Callable[[Sandbox], str], status: CheckStatus, seen: str, remedy: str
) -> None:
    sandbox: Any = None

    assert claim(check).result(sandbox) == CheckResult(check.__name__, status, seen, remedy)


@pytest.mark.fast
def test_every_claim_is_in_the_page() -> None:
    shown = set(re.findall(r"`([a-z0-9-]+)`", PAGE.read_text()))
    names = [claim.name for claim in CLAIMS]

    assert len(names) > 20
    assert len(set(names)) == len(names)
    assert set(names) - shown == set()
