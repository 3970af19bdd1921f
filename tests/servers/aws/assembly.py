"""Deploys a cloud assembly, as `cdk synth` makes it, unmodified: what `cdk deploy --all` would do."""

import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from servers.aws.server import ACCOUNT, REGION, EmulatedAws

BOOTSTRAP_BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_PLACEHOLDERS = {"${AWS::Partition}": "aws", "${AWS::AccountId}": ACCOUNT, "${AWS::Region}": REGION}
_NO_CHANGE = "No updates are to be performed"
_FAILED_TO_BEGIN = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
_WAIT_SECONDS = 300


class DeploymentError(Exception):
    """A stack could not be deployed; the text names the resources and tells why."""


@dataclass
class DeployedStack:
    """A stack after its deployment.

    Args:
        outputs: values by key.
        resources: physical names by logical name.
        types: of the resources, by logical name.
        is_changed: whether there was anything to do.
    """

    outputs: dict[str, str]
    resources: dict[str, str]
    types: dict[str, str]
    is_changed: bool

    def named(self, kind: str) -> list[str]:
        """Physical names of the resources of a type, such as `AWS::Glue::Job`."""
        return [self.resources[name] for name, found in self.types.items() if found == kind]


@dataclass
class Assembly:
    """A folder `cdk.out`."""

    folder: Path
    _manifest: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._manifest = json.loads((self.folder / "manifest.json").read_text())["artifacts"]

    def deploy(self, aws: EmulatedAws) -> dict[str, DeployedStack]:
        """Deploy all stacks, each after those it depends on, and the environment's bootstrap where it is missing.

        Raises:
            DeploymentError: at the first stack that fails.
        """
        _bootstrap(aws)
        stacks = {}
        for name in self._ordered():
            artifact = self._manifest[name]
            if artifact["type"] == "cdk:asset-manifest":
                self._upload(aws, artifact)
            elif artifact["type"] == "aws:cloudformation:stack":
                stacks[name] = self._deploy_stack(aws, name, artifact)
        return stacks

    def destroy(self, aws: EmulatedAws) -> None:
        """Delete all stacks, the last one first, as they were last deployed: what `cdk destroy --all` would do.

        Raises:
            DeploymentError: a stack is protected, or something of it cannot be deleted.
        """
        from botocore.exceptions import ClientError

        for name in reversed(list(self._ordered())):
            if self._manifest[name]["type"] != "aws:cloudformation:stack":
                continue
            stack = self._manifest[name]["properties"].get("stackName", name)
            arn = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
            try:
                aws.client("cloudformation").delete_stack(StackName=stack)
            except ClientError as problem:
                raise DeploymentError(f"{stack}: {problem}") from None
            if (described := _ended(aws, arn))["StackStatus"] != "DELETE_COMPLETE":
                raise DeploymentError(f"{stack} is {described['StackStatus']}: {_reasons(aws, arn)}")

    def _ordered(self) -> Iterator[str]:
        done: set[str] = set()

        def after_its_own(name: str) -> Iterator[str]:
            if name in done:
                return
            done.add(name)
            for needed in self._manifest[name].get("dependencies", []):
                yield from after_its_own(needed)
            yield name

        for name in self._manifest:
            yield from after_its_own(name)

    def _upload(self, aws: EmulatedAws, artifact: dict[str, Any]) -> None:
        assets = json.loads((self.folder / artifact["properties"]["file"]).read_text())
        if assets.get("dockerImages"):
            raise DeploymentError(f"{artifact['properties']['file']} has images, for which there is no registry.")
        for asset in assets["files"].values():
            path = self.folder / asset["source"]["path"]
            for place in asset["destinations"].values():
                bucket, key = _filled(place["bucketName"]), _filled(place["objectKey"])
                if not _exists(aws, bucket, key):
                    content = _zipped(path) if asset["source"]["packaging"] == "zip" else path.read_bytes()
                    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=content)

    def _deploy_stack(self, aws: EmulatedAws, name: str, artifact: dict[str, Any]) -> DeployedStack:
        properties = artifact["properties"]
        stack = properties.get("stackName", name)
        parameters, tags = properties.get("parameters", {}), properties.get("tags", {})
        url = _filled(properties["stackTemplateAssetObjectUrl"]).removeprefix("s3://")
        _delete_failed(aws, stack)
        template = json.loads((self.folder / properties["templateFile"]).read_text())
        before = _imported(aws, stack)
        kept = {one["Export"]["Name"] for one in template.get("Outputs", {}).values() if "Export" in one}
        _refuse_to_change(stack, "deleted", {name: before[name][1] for name in before.keys() - kept})
        is_changed = _create_or_update(
            aws,
            StackName=stack,
            TemplateURL=f"{aws.endpoint_url}/{url}",
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            Capabilities=_CAPABILITIES,
        )
        # CDK protects a stack before it executes the change set, so one whose deployment fails is protected too.
        aws.client("cloudformation").update_termination_protection(
            StackName=stack, EnableTerminationProtection=properties.get("terminationProtection", False)
        )
        described = _ended(aws, stack)
        if not described["StackStatus"].endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")):
            raise DeploymentError(f"{stack} is {described['StackStatus']}: {_reasons(aws, stack)}")
        after = _imported(aws, stack)
        changed = {name: users for name, (value, users) in after.items() if before.get(name, (value,))[0] != value}
        _refuse_to_change(stack, "updated", changed)
        pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        found = [resource for page in pages for resource in page["StackResourceSummaries"]]
        return DeployedStack(
            {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])},
            {resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "") for resource in found},
            {resource["LogicalResourceId"]: resource["ResourceType"] for resource in found},
            is_changed,
        )


def _bootstrap(aws: EmulatedAws) -> None:
    """What `cdk bootstrap` leaves in an account, as far as a deployment by its root needs it."""
    from botocore.exceptions import ClientError

    try:
        aws.client("s3").head_bucket(Bucket=BOOTSTRAP_BUCKET)
    except ClientError:
        place = {"LocationConstraint": REGION}
        aws.client("s3").create_bucket(Bucket=BOOTSTRAP_BUCKET, CreateBucketConfiguration=place)
        aws.client("ssm").put_parameter(Name=BOOTSTRAP_VERSION, Value="30", Type="String")


def _delete_failed(aws: EmulatedAws, stack: str) -> None:
    """Delete a stack whose first deployment failed, as CDK does before it deploys it again."""
    from botocore.exceptions import ClientError

    cloudformation = aws.client("cloudformation")
    try:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError:
        return
    if found["StackStatus"] not in _FAILED_TO_BEGIN:
        return
    try:
        cloudformation.delete_stack(StackName=stack)
    except ClientError as problem:
        raise DeploymentError(f"{stack} is {found['StackStatus']}: {problem}") from None
    _ended(aws, found["StackId"])


def _imported(aws: EmulatedAws, stack: str) -> dict[str, tuple[str, list[str]]]:
    """Exports of a stack that others import: the value of each, and those stacks."""
    from botocore.exceptions import ClientError

    cloudformation, found = aws.client("cloudformation"), {}
    for page in cloudformation.get_paginator("list_exports").paginate():
        for export in page["Exports"]:
            if f":stack/{stack}/" in export["ExportingStackId"]:
                with suppress(ClientError):
                    users = cloudformation.list_imports(ExportName=export["Name"])["Imports"]
                    found[export["Name"]] = export["Value"], users
    return found


def _refuse_to_change(stack: str, change: str, exports: dict[str, list[str]]) -> None:
    """Fail as CloudFormation does, which the emulator does not: an export stays while another stack imports it."""
    for name, users in exports.items():
        raise DeploymentError(f"{stack}: Export {name} cannot be {change} as it is in use by {', '.join(users)}")


def _create_or_update(aws: EmulatedAws, **asked: Any) -> bool:
    """Begin to create or to update a stack; whether there is anything to do."""
    from botocore.exceptions import ClientError

    cloudformation = aws.client("cloudformation")
    try:
        cloudformation.create_stack(**asked)
    except cloudformation.exceptions.AlreadyExistsException:
        try:
            cloudformation.update_stack(**asked)
        except ClientError as problem:
            if _NO_CHANGE in str(problem):
                return False
            raise DeploymentError(f"{asked['StackName']}: {problem}") from None
    except ClientError as problem:
        raise DeploymentError(f"{asked['StackName']}: {problem}") from None
    return True


def _ended(aws: EmulatedAws, stack: str) -> dict[str, Any]:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        described: dict[str, Any] = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        if not described["StackStatus"].endswith("_IN_PROGRESS"):
            return described
        if time.monotonic() > deadline:
            state = f"{stack} is {described['StackStatus']} for {_WAIT_SECONDS} seconds"
            raise DeploymentError(f"{state}; {_states(aws, stack)}")
        time.sleep(0.2)


def _states(aws: EmulatedAws, stack: str) -> str:
    events = aws.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return ", ".join(f"{event['LogicalResourceId']} {event['ResourceStatus']}" for event in reversed(events))


def _reasons(aws: EmulatedAws, stack: str) -> str:
    events = aws.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return "; ".join(
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED")
    )


def _filled(text: str) -> str:
    for placeholder, value in _PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    return text


def _zipped(folder: Path) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), path.read_bytes())
    return buffer.getvalue()


def _exists(aws: EmulatedAws, bucket: str, key: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        aws.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True
