"""Glue jobs of the emulated AWS: what they are made of, and the states they go through."""

import json
import time
import zipfile
from io import BytesIO
from typing import Any

import pytest

from deployment.deployed import SCRIPTS, Deployed
from rental_analytics.pipeline import STEPS

pytestmark = pytest.mark.service

EXTRACT = STEPS[0]
WHEEL = "greetings-1.0-py3-none-any.whl"


class Jobs:
    """Jobs made by hand, besides those of the stack."""

    def __init__(self, deployed: Deployed) -> None:
        self.deployed = deployed
        self.glue = deployed.aws.client("glue")

    def upload(self, name: str, content: bytes) -> str:
        self.deployed.aws.client("s3").put_object(Bucket=SCRIPTS, Key=name, Body=content)
        return f"s3://{SCRIPTS}/{name}"

    def run(self, script: str, arguments: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """The end of a run of a new job with this script."""
        location = self.upload("script.py", script.encode())
        return self.run_at(location, arguments, **more)

    def run_at(self, location: str, arguments: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        role = f"arn:aws:iam::123456789012:role/{self.deployed.names['JobRole']}"
        command = {"Name": "glueetl", "ScriptLocation": location}
        self.glue.create_job(Name="job", Command=command, **({"Role": role, "GlueVersion": "5.1"} | more))
        self.glue.start_job_run(JobName="job", Arguments=arguments or {})
        return self.ended()

    def ended(self) -> dict[str, Any]:
        while (run := self.glue.get_job_runs(JobName="job")["JobRuns"][0])["JobRunState"] in {"STARTING", "RUNNING"}:
            continue
        return dict(run)

    def output(self, run: dict[str, Any]) -> str:
        return self.deployed.aws.output(run["Id"])[0]


@pytest.fixture
def jobs(deployed: Deployed) -> Jobs:
    return Jobs(deployed)


def wheel(text: str) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("greetings.py", f"TEXT = {text!r}")
        archive.writestr("greetings-1.0.dist-info/METADATA", "Name: greetings\nVersion: 1.0\n")
    return buffer.getvalue()


def test_modules_are_the_wheels_that_lie_on_s3_now(jobs: Jobs) -> None:
    url = jobs.upload(f"glue/{WHEEL}", wheel("first"))
    run = jobs.run("import greetings; print(greetings.TEXT)", {"--additional-python-modules": url})
    assert (run["JobRunState"], jobs.output(run)) == ("SUCCEEDED", "first\n")
    jobs.upload(f"glue/{WHEEL}", wheel("second"))
    jobs.glue.start_job_run(JobName="job", Arguments={"--additional-python-modules": url})
    assert jobs.output(jobs.ended()) == "second\n"


def test_job_has_no_module_but_its_wheels_and_what_glue_provides(jobs: Jobs) -> None:
    script = """
    import json
    from importlib.util import find_spec
    print(json.dumps([name for name in ("py4j", "rental_analytics", "boto3", "pytest") if find_spec(name)]))
    """
    run = jobs.run("\n".join(line.strip() for line in script.splitlines()))
    assert json.loads(jobs.output(run)) == []
    jobs.deployed.aws.configure(provided=["py4j"])
    jobs.glue.start_job_run(JobName="job")
    assert json.loads(jobs.output(jobs.ended())) == ["py4j"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"--additional-python-modules": f"s3://{SCRIPTS}/98f62bef.zip"}, "98f62bef.zip is not a valid wheel filename"),
        (
            {"--additional-python-modules": f"s3://{SCRIPTS}/{WHEEL}"},
            f"Error downloading from S3 for bucket: {SCRIPTS}",
        ),
        ({"--additional-python-modules": f"https://pypi.example/{WHEEL}"}, "is not on S3"),
        ({"--extra-files": "s3://elsewhere/ca.pem"}, "bucket: elsewhere, key: ca.pem"),
    ],
)
def test_job_does_not_start_without_its_files(jobs: Jobs, arguments: dict[str, str], told: str) -> None:
    run = jobs.run("print('started')", arguments)
    assert run["JobRunState"] == "FAILED" and told in run["ErrorMessage"], run


def test_script_is_read_by_the_role_of_the_job(jobs: Jobs) -> None:
    assert jobs.run_at(f"s3://{SCRIPTS}/none.py")["JobRunState"] == "FAILED"
    jobs.glue.delete_job(JobName="job")
    jobs.deployed.aws.deny(jobs.deployed.names["JobRole"], "s3:GetObject")
    run = jobs.run("print('started')")
    assert run["JobRunState"] == "FAILED" and "AccessDenied" in run["ErrorMessage"]


def test_role_has_to_trust_glue(jobs: Jobs) -> None:
    run = jobs.run("print('started')", Role=jobs.deployed.names["MachineRole"])
    assert run["JobRunState"] == "FAILED" and "glue.amazonaws.com is not authorized" in run["ErrorMessage"]


def test_connection_is_read_by_the_role_of_the_job(jobs: Jobs) -> None:
    aws, role = jobs.deployed.aws, jobs.deployed.names["JobRole"]
    connection = {"Name": "net", "ConnectionType": "NETWORK", "ConnectionProperties": {}}
    jobs.glue.create_connection(ConnectionInput=connection)
    run = jobs.run("print('started')", Connections={"Connections": ["net"]})
    assert "glue:GetConnection on resource: arn:aws:glue:eu-west-1:123456789012:connection/net" in run["ErrorMessage"]
    aws.allow(role, "glue:GetConnection", "arn:aws:glue:eu-west-1:123456789012:connection/net")
    jobs.glue.start_job_run(JobName="job")
    assert jobs.ended()["JobRunState"] == "SUCCEEDED"


def test_arguments_of_the_run_come_before_those_of_the_job(jobs: Jobs) -> None:
    run = jobs.run(
        "import sys; print(sys.argv[1:])",
        {"--b": "run", "--c": "", "--d": "run"},
        DefaultArguments={"--a": "job", "--b": "job"},
        NonOverridableArguments={"--d": "job"},
    )
    argv = jobs.output(run)
    assert argv.startswith("['--a', 'job', '--b', 'run', '--c', '--d', 'job', '--JOB_ID', ")
    assert argv.endswith(f"'--JOB_RUN_ID', '{run['Id']}', '--JOB_NAME', 'job']\n")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("raise ValueError('no: such thing')", "ValueError: no: such thing"),
        ("try:\n    1 / 0\nexcept ArithmeticError:\n    raise KeyError('second')", "KeyError: 'second'"),
        ("import sys; sys.stderr.write('KeyError: told'); sys.exit(2)", "SystemExit: 2"),
        ("import sys\ndef f():\n    raise OSError('line\\nother')\nf()", "OSError: line"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SystemExit: -9"),
    ],
)
def test_error_is_the_line_of_the_exception(jobs: Jobs, script: str, message: str) -> None:
    run = jobs.run(script)
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", message)


def test_states_of_a_run_that_is_stopped(deployed: Deployed) -> None:
    from botocore.exceptions import ClientError

    glue, job = deployed.aws.client("glue"), deployed.names["ExtractJob"]
    deployed.order(EXTRACT, {"sleep": 30})
    run = glue.start_job_run(JobName=job, Arguments={"--run_id": "x"})["JobRunId"]
    deployed.wait_for_job(EXTRACT, "RUNNING")
    with pytest.raises(ClientError, match="ConcurrentRunsExceededException"):
        glue.start_job_run(JobName=job, Arguments={"--run_id": "y"})
    assert glue.batch_stop_job_run(JobName=job, JobRunIds=[run])["SuccessfulSubmissions"]
    assert glue.get_job_run(JobName=job, RunId=run)["JobRun"]["JobRunState"] == "STOPPING"
    # It still counts as one that runs.
    with pytest.raises(ClientError, match="ConcurrentRunsExceededException"):
        glue.start_job_run(JobName=job, Arguments={"--run_id": "y"})
    (error,) = glue.batch_stop_job_run(JobName=job, JobRunIds=[run])["Errors"]
    assert "is in state STOPPING" in error["ErrorDetail"]["ErrorMessage"]
    deployed.wait_for_job(EXTRACT, "STOPPED")
    glue.start_job_run(JobName=job, Arguments={"--run_id": "y"})
    deployed.wait_for_job(EXTRACT, "SUCCEEDED")


def test_stopped_job_works_on_until_it_is_killed(jobs: Jobs) -> None:
    jobs.deployed.aws.configure(stopping=1.5)
    script = "import time\nfor second in range(100):\n    print(second, flush=True); time.sleep(0.1)"
    location = jobs.upload("script.py", script.encode())
    command = {"Name": "glueetl", "ScriptLocation": location}
    jobs.glue.create_job(Name="job", Role=jobs.deployed.names["JobRole"], Command=command)
    run = jobs.glue.start_job_run(JobName="job")["JobRunId"]
    seen = lambda: len(jobs.output({"Id": run}).splitlines())  # noqa: E731
    while jobs.glue.get_job_run(JobName="job", RunId=run)["JobRun"]["JobRunState"] != "RUNNING" or not seen():
        continue
    jobs.glue.batch_stop_job_run(JobName="job", JobRunIds=[run])
    at_stop = seen()
    while jobs.glue.get_job_run(JobName="job", RunId=run)["JobRun"]["JobRunState"] == "STOPPING":
        continue
    assert at_stop + 5 < seen() < 60


def test_run_has_a_time_limit_in_minutes_of_the_emulator(jobs: Jobs) -> None:
    jobs.deployed.aws.configure(minute=0.2)
    run = jobs.run("import time; time.sleep(60)", Timeout=3)
    assert (run["JobRunState"], run["Timeout"], run.get("ErrorMessage")) == ("TIMEOUT", 3, None)


def test_held_run_does_not_start(jobs: Jobs) -> None:
    jobs.deployed.aws.configure(held=["job"])
    location = jobs.upload("script.py", b"print('started')")
    command = {"Name": "glueetl", "ScriptLocation": location}
    jobs.glue.create_job(Name="job", Role=jobs.deployed.names["JobRole"], Command=command)
    run = jobs.glue.start_job_run(JobName="job")["JobRunId"]
    time.sleep(0.5)
    assert jobs.glue.get_job_run(JobName="job", RunId=run)["JobRun"]["JobRunState"] == "STARTING"
    jobs.deployed.aws.configure(held=[])
    assert (jobs.ended()["JobRunState"], jobs.output({"Id": run})) == ("SUCCEEDED", "started\n")


def test_log_goes_to_the_group_of_configuration_and_role(jobs: Jobs) -> None:
    aws, role = jobs.deployed.aws, jobs.deployed.names["JobRole"]
    place = f"/own/security-role/{role}"
    more = {"SecurityConfiguration": "security", "DefaultArguments": {"--custom-logGroup-prefix": "/own"}}
    for group in ("/own/output", f"{place}/output"):
        aws.client("logs").create_log_group(logGroupName=group)
    aws.allow(role, "logs:*", f"arn:aws:logs:eu-west-1:123456789012:log-group:{place}/output:*")
    assert jobs.run("print('written')", **more)["JobRunState"] == "SUCCEEDED"
    written = {
        group["logGroupName"]: [
            event["message"]
            for event in aws.client("logs").filter_log_events(logGroupName=group["logGroupName"])["events"]
        ]
        for group in aws.client("logs").describe_log_groups(logGroupNamePrefix="/own")["logGroups"]
    }
    assert written == {"/own/output": [], f"{place}/output": ["written"]}
    refused = [(call["action"], call["resource"]) for call in aws.calls() if not call["allowed"]]
    assert [(action, place in group) for action, group in refused] == [("logs:CreateLogGroup", True)]
