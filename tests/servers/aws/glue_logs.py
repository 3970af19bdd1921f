"""Log groups of Glue jobs that have a security configuration: which they are, and whether the role may write."""

from pathlib import Path
from typing import Any

from ministack.services import cloudwatch_logs as logs

from servers.aws.glue_launch import SERVICE, run_arguments
from servers.aws.rights import NotAllowedError, assumed

KINDS = {"stdout": "output", "stderr": "error"}
"""What a process writes to, and the ending of the log group that gets it."""


def deliver(job: dict[str, Any], run: dict[str, Any], folder: Path) -> None:
    """Write what a job printed to its log groups; a job whose role may not goes on without a log, as in Glue."""
    if not job.get("SecurityConfiguration"):
        return
    role = assumed(job["Role"], SERVICE, "GlueJobRunnerSession")
    for file, group in group_names(job, run).items():
        arn = logs._make_group_arn(group)
        try:
            if group not in logs._log_groups:
                role.need("logs:CreateLogGroup", arn)
                logs._create_log_group({"logGroupName": group})
            for action in ("logs:AssociateKmsKey", "logs:CreateLogStream", "logs:PutLogEvents"):
                role.need(action, arn)
        except NotAllowedError:
            continue
        stream = f"{run['Id']}-driver"
        lines = (folder / file).read_text(errors="replace").splitlines()
        place = {"logGroupName": group, "logStreamName": stream}
        logs._create_log_stream(place)
        logs._put_log_events(place | {"logEvents": [{"message": line} for line in lines if line]})


def group_names(job: dict[str, Any], run: dict[str, Any]) -> dict[str, str]:
    """By file: with a security configuration, its name and that of the role stand in the name of the group."""
    prefix = run_arguments(job, run).get("--custom-logGroup-prefix", "/aws-glue/jobs")
    role = job["Role"].rsplit("/", 1)[-1]
    return {file: f"{prefix}/{job['SecurityConfiguration']}-role/{role}/{kind}" for file, kind in KINDS.items()}
