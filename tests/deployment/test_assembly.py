"""A cloud assembly is deployed as `cdk deploy` would, into the emulated AWS."""

from pathlib import Path

import pytest

from deployment.small_assembly import BASE, WORK, write_assembly
from servers.aws.assembly import Assembly, DeployedStack, DeploymentError
from servers.aws.server import EmulatedAws
from servers.aws.stubs import STUBS

pytestmark = pytest.mark.service


def deployed(aws: EmulatedAws, folder: Path) -> dict[str, DeployedStack]:
    return Assembly(folder).deploy(aws)


def greeting(aws: EmulatedAws, stacks: dict[str, DeployedStack]) -> str:
    bucket = stacks[WORK].outputs["Bucket"]
    return str(aws.client("s3").get_object(Bucket=bucket, Key="greeting.txt")["Body"].read().decode())


def test_deploying_twice_changes_nothing(empty: EmulatedAws, tmp_path: Path) -> None:
    write_assembly(tmp_path)
    first = deployed(empty, tmp_path)
    before = empty.resources()
    again = deployed(empty, tmp_path)
    assert [stack.is_changed for stack in (*first.values(), *again.values())] == [True, True, False, False]
    assert list(first) == [BASE, WORK]
    assert {name: stack.outputs for name, stack in first.items()} == {name: one.outputs for name, one in again.items()}
    after = empty.resources()
    assert {store for store in before | after if before.get(store) != after.get(store)} == set()
    assert {"s3._buckets", "iam._roles", "kms._keys", "lambda_svc._functions"} <= before.keys()


def test_function_of_a_custom_resource_runs_under_its_role(empty: EmulatedAws, tmp_path: Path) -> None:
    stacks = deployed(empty, write_assembly(tmp_path))
    assert greeting(empty, stacks) == "Create: hello"
    assert stacks[WORK].outputs["Role"] == "small-function"
    stacks = deployed(empty, write_assembly(tmp_path, text="bye"))
    assert (greeting(empty, stacks), stacks[BASE].is_changed, stacks[WORK].is_changed) == ("Update: bye", False, True)


@pytest.mark.parametrize("action", ["s3:PutObject", "kms:GenerateDataKey"])
def test_function_has_no_right_too_many(empty: EmulatedAws, tmp_path: Path, action: str) -> None:
    write_assembly(tmp_path, rights=(action,))
    with pytest.raises(
        DeploymentError, match=rf"Greeting \(AWS::CloudFormation::CustomResource\): AccessDenied: .*{action}"
    ):
        deployed(empty, tmp_path)


def test_first_deployment_that_failed_is_repeated_as_the_cookbook_says(empty: EmulatedAws, tmp_path: Path) -> None:
    """CDK deletes what is left of the stack, which it has protected before."""
    write_assembly(tmp_path, rights=("s3:PutObject",), protected=True)
    with pytest.raises(DeploymentError, match=r"small-work is ROLLBACK_COMPLETE: .*AccessDenied"):
        deployed(empty, tmp_path)
    write_assembly(tmp_path, protected=True)
    with pytest.raises(DeploymentError, match=r"small-work is ROLLBACK_COMPLETE: .*TerminationProtection is enabled"):
        deployed(empty, tmp_path)
    empty.client("cloudformation").update_termination_protection(StackName=WORK, EnableTerminationProtection=False)
    assert greeting(empty, deployed(empty, tmp_path)) == "Create: hello"


@pytest.mark.parametrize(
    ("value", "change"), [(None, "deleted"), ({"Fn::GetAtt": ["Bucket", "Arn"]}, "updated")], ids=["gone", "changed"]
)
def test_export_stays_while_another_stack_imports_it(
    empty: EmulatedAws, tmp_path: Path, value: dict[str, list[str]] | None, change: str
) -> None:
    deployed(empty, write_assembly(tmp_path))
    with pytest.raises(DeploymentError, match=f"Export {BASE}:Key cannot be {change} as it is in use by {WORK}"):
        deployed(empty, write_assembly(tmp_path, exports={"Key": value}))


def test_export_that_nobody_imports_may_go(empty: EmulatedAws, tmp_path: Path) -> None:
    deployed(empty, write_assembly(tmp_path, exports={"Other": {"Ref": "Bucket"}}))
    stacks = deployed(empty, write_assembly(tmp_path))
    assert [stack.is_changed for stack in stacks.values()] == [True, False]


def test_unlisted_type_fails_by_name(empty: EmulatedAws, tmp_path: Path) -> None:
    write_assembly(tmp_path, Fleet={"Type": "AWS::GameLift::Fleet", "Properties": {}})
    with pytest.raises(DeploymentError, match=r"Unrecognized resource types: .*AWS::GameLift::Fleet"):
        deployed(empty, tmp_path)


def test_stubs_are_noted_each_with_its_reason(empty: EmulatedAws, tmp_path: Path) -> None:
    more = {f"Stub{number}": {"Type": kind, "Properties": {}} for number, kind in enumerate(sorted(STUBS))}
    stacks = deployed(empty, write_assembly(tmp_path, **more))
    assert set(STUBS) <= set(stacks[WORK].types.values())
    assert all(len(stub.reason.split()) > 2 for stub in STUBS.values())


def test_what_a_key_encrypts_needs_the_right_to_the_key(empty: EmulatedAws, tmp_path: Path) -> None:
    from botocore.exceptions import ClientError

    stacks = deployed(empty, write_assembly(tmp_path))
    bucket, role = stacks[WORK].outputs["Bucket"], "small-function"
    s3 = empty.client("s3", empty.assume(role))
    empty.allow(role, "s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket=bucket, Key="greeting.txt")
    empty.allow(role, "kms:Decrypt", stacks[BASE].outputs["Key"])
    assert s3.get_object(Bucket=bucket, Key="greeting.txt")["Body"].read() == b"Create: hello"
