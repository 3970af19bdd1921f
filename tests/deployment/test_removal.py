"""What is left of a deployed stack when it is destroyed, by the two switches; in the emulated AWS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import App

from infra.app import HERE
from infra.configuration import Configuration, Deployment
from infra.stacks.storage import StorageStack
from servers.aws.assembly import BOOTSTRAP_BUCKET, Assembly, DeploymentError
from servers.aws.server import EmulatedAws

pytestmark = pytest.mark.service


def assembly(folder: Path, *, in_file: bool, in_command: bool) -> Assembly:
    """That of the stack with the buckets, as `infra/app.py` makes it."""
    context = json.loads((HERE / "cdk.json").read_text("utf-8"))["context"]
    switch = {"delete_data": "yes"} if in_command else {}
    app = App(context=context | switch, outdir=str(folder))
    configuration = Configuration(deployment=Deployment(delete_data=in_file))
    StorageStack(app, "rental-storage", configuration=configuration, termination_protection=not in_file)
    app.synth()
    return Assembly(folder)


def deployed(aws: EmulatedAws, found: Assembly) -> list[str]:
    """Deploy it, and put an object with an older version into each bucket; their names."""
    buckets = found.deploy(aws)["rental-storage"].named("AWS::S3::Bucket")
    s3 = aws.client("s3")
    for bucket in buckets:
        for body in (b"old", b"new"):
            s3.put_object(Bucket=bucket, Key="kept.txt", Body=body)
    return buckets


def left(aws: EmulatedAws) -> set[str]:
    return {bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]} - {BOOTSTRAP_BUCKET}


def test_with_both_switches_nothing_is_left(empty: EmulatedAws, tmp_path: Path) -> None:
    found = assembly(tmp_path, in_file=True, in_command=True)
    assert len(deployed(empty, found)) == 3
    found.destroy(empty)
    assert left(empty) == set()


def test_with_one_switch_the_data_stay(empty: EmulatedAws, tmp_path: Path) -> None:
    found = assembly(tmp_path / "kept", in_file=True, in_command=False)
    buckets = deployed(empty, found)
    # `cdk destroy -c delete_data=yes` synthesizes another template, which CloudFormation does not get to see.
    found.destroy(empty)
    assert left(empty) == set(buckets)


def test_by_default_the_stack_is_protected(empty: EmulatedAws, tmp_path: Path) -> None:
    found = assembly(tmp_path / "protected", in_file=False, in_command=True)
    buckets = deployed(empty, found)
    with pytest.raises(DeploymentError, match="TerminationProtection is enabled"):
        found.destroy(empty)
    assert left(empty) == set(buckets)
    # The way that the cookbook describes: deploy with both, then destroy.
    removable = assembly(tmp_path / "removable", in_file=True, in_command=True)
    removable.deploy(empty)
    removable.destroy(empty)
    assert left(empty) == set()
