"""What arrives at the topic of alerts, in a queue that is made for the checks and removed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rental_analytics.doctor.glue.deployment import Deployment


class Alerts:
    """Messages of the topic since the queue was made."""

    def __init__(self, queue: Any, url: str) -> None:
        self._queue = queue
        self._url = url
        self._texts: list[str] = []

    def about(self, word: str) -> str:
        """The message that has this word in it; empty while there is none."""
        found = self._queue.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in found.get("Messages", []):
            self._texts.append(json.loads(message["Body"])["Message"])
            self._queue.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return next((text for text in self._texts if word in text), "")


@contextmanager
def heard_alerts(deployment: Deployment) -> Iterator[Alerts]:
    """Subscribe a queue of our own to the topic; afterwards neither is there."""
    sqs, sns = deployment.client("sqs"), deployment.client("sns")
    url = str(sqs.create_queue(QueueName=f"{deployment.name}-verify-{secrets.token_hex(4)}")["QueueUrl"])
    subscription = ""
    try:
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = asked["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": deployment.topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        answer = sns.subscribe(TopicArn=deployment.topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
        subscription = str(answer["SubscriptionArn"])
        yield Alerts(sqs, url)
    finally:
        if subscription:
            sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=url)
