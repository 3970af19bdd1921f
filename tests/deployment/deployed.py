"""The deployment of `failure_stack`, as tests use it."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from deployment.failure_stack import PIPELINE, template
from rental_analytics.pipeline import STEPS, Step
from rental_analytics.runners.state_machine import job_substitution
from servers.aws.server import REGION, EmulatedAws

SCRIPTS, STACK, ALERTS = "stand-in-scripts", "failures", "alerts"
WAIT_SECONDS = 60
Item = dict[str, Any]


@dataclass
class Deployed:
    """The stack, deployed; `names` has the physical name of each resource."""

    aws: EmulatedAws
    names: dict[str, str]
    queue: str

    def order(self, step: Step, *orders: Item) -> None:
        """What the next runs of a step's job do; those after them do nothing but succeed."""
        self._s3.put_object(Bucket=self.names["Data"], Key=f"orders/{step.name}.json", Body=json.dumps(orders))

    def start(self, name: str | None = None, **given: Any) -> str:
        """Begin an execution; its ARN."""
        answer = self._states.start_execution(
            stateMachineArn=self.names["Machine"], name=name or uuid4().hex, input=json.dumps(given)
        )
        return str(answer["executionArn"])

    def run(self, **given: Any) -> Item:
        """An execution from beginning to end, as `end` gives it."""
        return self.end(self.start(**given))

    def end(self, execution: str) -> Item:
        """Wait for an execution's end; its description, and its states by name in `path`."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (answer := self._states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            if time.monotonic() > deadline:
                raise TimeoutError(f"{execution} is in {self.path(execution)[-1]}")
            time.sleep(0.1)
        return dict(answer) | {"path": self.path(execution)}

    def path(self, execution: str) -> list[str]:
        """Names of the states an execution went through."""
        events = self._states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]

    def wait_for_job(self, step: Step, state: str = "RUNNING") -> Item:
        """Wait until the newest run of a step's job has a state; the run."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            runs = self.job_runs(step)
            if runs and runs[0]["JobRunState"] == state:
                return runs[0]
            time.sleep(0.05)
        raise TimeoutError(f"no run of {step.name} is {state}")

    def job_runs(self, step: Step) -> list[Item]:
        return list(self.aws.client("glue").get_job_runs(JobName=self.names[job_substitution(step)])["JobRuns"])

    def starts(self) -> dict[str, int]:
        """Calls of StartJobRun by step, those that were refused too."""
        names = {self.names[job_substitution(step)]: str(step.name) for step in STEPS}
        jobs = [names[call["job"]] for call in self.aws.calls() if call["action"] == "glue:StartJobRun"]
        return {step: jobs.count(step) for step in dict.fromkeys(jobs)}

    def seen(self, step: Step) -> list[Item]:
        """What each run of a step's job told of itself, in order."""
        runs = [run["Id"] for run in reversed(self.job_runs(step))]
        keys = [f"seen/{step.name}/{run}.json" for run in runs]
        return [json.loads(self._s3.get_object(Bucket=self.names["Data"], Key=key)["Body"].read()) for key in keys]

    def alerts(self, expected: int) -> list[Item]:
        """The events that the topic told, once as many as expected have come, or none for a while."""
        found: list[Item] = []
        sqs = self.aws.client("sqs")
        wait = 5 if expected else 1
        while messages := sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=wait).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(json.loads(message["Body"])["Message"])["detail"])
            wait = 0 if len(found) >= expected else 5
        return found

    def refused(self, execution: str) -> list[str]:
        """Errors of tasks that failed, repeated or not."""
        events = self._states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return [event["taskFailedEventDetails"]["error"] for event in events if "taskFailedEventDetails" in event]

    def limit(self, seconds: int, step: Step | None = None) -> None:
        """Let executions, or the task of a step, take no longer than that."""
        machine = self.names["Machine"]
        definition = json.loads(self._states.describe_state_machine(stateMachineArn=machine)["definition"])
        limited = definition["States"][step.title] if step else definition
        limited["TimeoutSeconds"] = seconds
        self._states.update_state_machine(stateMachineArn=machine, definition=json.dumps(definition))

    def lock(self) -> Item | None:
        """The item of the lock, as plain values."""
        key = {"pipeline": {"S": PIPELINE}}
        item = self._dynamodb.get_item(TableName=self.names["Locks"], Key=key).get("Item")
        return {name: next(iter(value.values())) for name, value in item.items()} if item else None

    def hold_lock(self, execution: str, seconds: int) -> None:
        """Give the lock to an execution until so many seconds from now."""
        item = {"execution": execution, "run_id": "other", "pipeline": PIPELINE}
        expires = {"expires_at": {"N": str(int(time.time()) + seconds)}}
        values = {name: {"S": value} for name, value in item.items()} | expires
        self._dynamodb.put_item(TableName=self.names["Locks"], Item=values)

    @property
    def _s3(self) -> Any:
        return self.aws.client("s3")

    @property
    def _states(self) -> Any:
        return self.aws.client("stepfunctions")

    @property
    def _dynamodb(self) -> Any:
        return self.aws.client("dynamodb")


def deploy(aws: EmulatedAws) -> Deployed:
    """Deploy the stack, and subscribe a queue to its topic."""
    s3, cloudformation = aws.client("s3"), aws.client("cloudformation")
    s3.create_bucket(Bucket=SCRIPTS, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=SCRIPTS, Key="stand_in_job.py", Body=Path(__file__).with_name("stand_in_job.py").read_bytes())
    body = json.dumps(template(SCRIPTS))
    cloudformation.create_stack(StackName=STACK, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    names = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return Deployed(aws, names, subscribed_queue(aws, names["Alerts"]))


def subscribed_queue(aws: EmulatedAws, topic: str) -> str:
    """The URL of a new queue that gets what a topic tells."""
    sqs = aws.client("sqs")
    queue = str(sqs.create_queue(QueueName=ALERTS)["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [allowed | {"Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return queue
