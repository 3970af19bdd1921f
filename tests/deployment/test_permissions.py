"""Every right of the jobs is needed, or listed with its reason: take one away, and its job fails. Emulated.

`make matrix` takes each one away; otherwise it is one of each role, none of which lets a job start Spark.
"""

from __future__ import annotations

import pytest

from deployment.end_to_end import Seen
from deployment.permission_reasons import UNASKED, UNDETECTED
from deployment.permissions import Grant, grants, never_asked, undetected
from support.breadth import FULL

pytestmark = [pytest.mark.service, pytest.mark.timeout(4 * 3600)]

SAMPLE = (
    Grant("copy", "ReadLake", "s3:GetObject"),
    Grant("extract", "ReadLogin", "secretsmanager:GetSecretValue"),
    Grant("transform", "ListLake", "s3:ListBucket"),
    Grant("load-raw", "SendStatements", "redshift-data:ExecuteStatement"),
    Grant("load-curated", "ReadLake", "s3:GetObject"),
    Grant("metrics", "LogIn", "redshift-serverless:GetCredentials"),
)


def listed(table: dict[str, dict[str, str]]) -> set[Grant]:
    return {Grant(role, *line.split()) for roles, lines in table.items() for role in roles.split() for line in lines}


def test_rights_that_no_job_asked_for_are_listed(seen: Seen) -> None:
    assert never_asked(grants(seen.deployment.assembly), seen.calls) == listed(UNASKED)


def test_jobs_fail_without_a_right(seen: Seen) -> None:
    every = grants(seen.deployment.assembly)
    assert set(SAMPLE) | listed(UNDETECTED) <= set(every)
    asked = set(every) - never_asked(every, seen.calls)
    found = sorted(asked) if FULL else SAMPLE
    assert undetected(seen.deployment, found) == listed(UNDETECTED) & set(found)


@pytest.mark.parametrize(
    ("control", "one"),
    [({"allow_all": True}, SAMPLE[0]), ({"enforced": False}, SAMPLE[-1])],
    ids=["all allowed", "not enforced"],
)
def test_nothing_is_detected_where_nothing_is_refused(seen: Seen, control: dict[str, bool], one: Grant) -> None:
    found = SAMPLE if FULL else (one,)
    assert undetected(seen.deployment, found, **control) == set(found)
