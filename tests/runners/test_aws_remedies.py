"""Errors of AWS outside the lake: doing what their remedy says cures them, as far as a stand-in can tell."""

import json
import sys
from collections.abc import Callable
from contextlib import closing

import pytest

from rental_analytics.aws.objects import read_object, read_text_object
from rental_analytics.aws.secrets import secret_login
from rental_analytics.regular_file import LARGEST_CONFIGURATION
from runners.jobs import Jobs
from runners.test_secrets import ARN, cloud, login_text, refusing
from runs.harness import Pipeline, failure
from servers.s3 import S3Server

__all__ = ["cloud", "refusing"]
LOGIN = ("reader", "geheim")


def refused(reason: str, remedy: str, call: Callable[..., object], *arguments: object) -> None:
    error = failure(call, *arguments)
    assert error.reason == reason, str(error)
    assert remedy in error.remedy


def put_secret(cloud: S3Server, name: str, text: str) -> None:
    with closing(cloud.client("secretsmanager")) as client:
        client.create_secret(Name=name, SecretString=text)


def put_object(cloud: S3Server, bucket: str, key: str, content: bytes) -> None:
    with closing(cloud.client()) as client:
        client.put_object(Bucket=bucket, Key=key, Body=content)


@pytest.mark.service
@pytest.mark.remedy("aws-resource-absent")
@pytest.mark.remedy("secret-not-a-login")
@pytest.mark.remedy("object-url-malformed")
@pytest.mark.remedy("configuration-not-utf8")
def test_what_is_named_is_put_there(cloud: S3Server) -> None:
    refused("aws-resource-absent", "correct source.secret_arn", secret_login("rental-remedy"))
    put_secret(cloud, "rental-remedy", "geheim")
    refused("secret-not-a-login", '{"username": "reader", "password": "..."}', secret_login("rental-remedy"))
    with closing(cloud.client("secretsmanager")) as client:
        client.put_secret_value(
            SecretId="rental-remedy", SecretString=json.dumps({"username": "reader", "password": "geheim"})
        )
    assert secret_login("rental-remedy")() == LOGIN
    bucket = cloud.create_bucket()
    refused("object-url-malformed", "s3://bucket/folder/rental.toml", read_text_object, "s3://bucket")
    refused("aws-resource-absent", "check bucket and key", read_text_object, f"s3://{bucket}/folder/rental.toml")
    put_object(cloud, bucket, "folder/rental.toml", b"\xff\xfe\x00")
    refused("configuration-not-utf8", "`rental init` wrote", read_text_object, f"s3://{bucket}/folder/rental.toml")
    put_object(cloud, bucket, "folder/rental.toml", b"#" * (LARGEST_CONFIGURATION + 1))
    refused("configuration-unreadable", "`rental init` wrote", read_text_object, f"s3://{bucket}/folder/rental.toml")
    put_object(cloud, bucket, "folder/rental.toml", b"[source]\n")
    assert read_text_object(f"s3://{bucket}/folder/rental.toml") == "[source]\n"
    put_object(cloud, bucket, "large.pem", b"#" * (LARGEST_CONFIGURATION + 1))
    refused("configuration-unreadable", "upload a bundle.", read_object, f"s3://{bucket}/large.pem", "a bundle")


@pytest.mark.service
@pytest.mark.remedy("aws-access-refused")
@pytest.mark.remedy("aws-resource-unusable")
@pytest.mark.remedy("aws-unavailable")
@pytest.mark.remedy("aws-unreachable")
def test_aws_answers_again(s3: S3Server, refusing: Callable[[str, int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    for code, reason, remedy in (
        ("AccessDeniedException", "aws-access-refused", "grant secretsmanager:GetSecretValue on it"),
        ("InvalidRequestException", "aws-resource-unusable", "correct source.secret_arn, and its state"),
        ("ThrottlingException", "aws-unavailable", "run again"),
    ):
        refusing(code, 400)
        refused(reason, remedy, secret_login(ARN))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    refused("aws-unreachable", "check the network path to AWS", secret_login(ARN))
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    put_secret(s3, "rental-remedy-2", login_text("geheim"))
    assert secret_login("rental-remedy-2")() == LOGIN


@pytest.mark.service
@pytest.mark.remedy("aws-not-configured")
@pytest.mark.remedy("boto3-missing")
def test_credentials_and_a_package_are_given(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    refused("aws-not-configured", "give this process AWS credentials", secret_login(ARN))
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    put_secret(s3, "rental-remedy-3", login_text("geheim"))
    with monkeypatch.context() as without:
        for name in [name for name in sys.modules if name.partition(".")[0] in {"boto3", "botocore"}]:
            without.delitem(sys.modules, name)
        without.setitem(sys.modules, "botocore", None)
        refused("boto3-missing", "pip install '.[s3]'", secret_login("rental-remedy-3"))
    assert secret_login("rental-remedy-3")() == LOGIN


@pytest.mark.slow
@pytest.mark.remedy("job-arguments-changed")
def test_a_run_keeps_its_arguments(jobs: Jobs, pipeline: Pipeline) -> None:
    jobs.do("extract", "nightly", as_of="2024-03-01")
    changed = jobs.do("transform", "nightly", as_of="2024-03-02")
    assert (changed.code, changed.events("failed")[0]["reason"]) == (2, "job-arguments-changed")
    assert "give its jobs what it began with" in changed.events("failed")[0]["remedy"]
    assert jobs.do("transform", "nightly", as_of="2024-03-01").code == 0


@pytest.mark.slow
@pytest.mark.remedy("as-of-in-future")
def test_a_last_day_that_has_begun(jobs: Jobs, pipeline: Pipeline) -> None:
    """By the run's upper bound, which may lie before the source's clock."""
    for asked in ({"as_of": "2150-01-01"}, {"as_of": "2024-03-02", "upper_bound": "2024-03-01T12:00:00"}):
        refused = jobs.do("extract", "nightly", **asked)
        assert (refused.code, refused.events("failed")[0]["reason"]) == (2, "as-of-in-future")
        assert "leave as_of out for the newest day in the data" in refused.events("failed")[0]["remedy"]
    assert jobs.do("extract", "nightly", as_of="2024-03-01", upper_bound="2024-03-01T12:00:00").code == 0
