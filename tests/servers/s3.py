"""A throwaway S3 server: MiniStack, with S3 and Secrets Manager switched on."""

import http.client
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from servers.process import free_port, running, temporary_folder

REGION = "us-east-1"
ACCESS_KEY = "test-access-key"
SECRET_KEY = "test-secret-key"
_bucket_numbers = count(1)


@dataclass(frozen=True)
class S3Server:
    """A running server; it takes any credentials unless it enforces rights."""

    host: str
    port: int

    @property
    def endpoint_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def client(self, service: str = "s3") -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )

    def environment(self) -> dict[str, str]:
        """The variables that send any AWS client to this server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.endpoint_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def create_bucket(self) -> str:
        """A new empty bucket's name, never used before in this session."""
        name = f"test-bucket-{next(_bucket_numbers)}"
        with closing(self.client()) as client:
            client.create_bucket(Bucket=name)
        return name


@contextmanager
def start_s3(*, enforces_rights: bool = False, services: str = "s3,secretsmanager") -> Iterator[S3Server]:
    """Run a new server, empty, its objects in memory; one that enforces rights has IAM, and `client` is its root.

    Args:
        services: of MiniStack, by name.
    """
    with temporary_folder("s3-") as folder:
        server = S3Server("127.0.0.1", free_port())
        settings = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "BIND_HOST": server.host,
            "GATEWAY_PORT": str(server.port),
            "SERVICES": services,
            # It would otherwise open further ports and look for containers to remove.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": f"unix://{folder / 'no-docker'}",
        }
        if enforces_rights:
            root = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
            settings |= {"AUTH": "true", "SERVICES": f"{services},iam,sts", **root}
        command = [sys.executable, "-m", "ministack"]
        with running(command, log=folder / "log", is_ready=lambda: _answers(server), env=settings):
            yield server


def _answers(server: S3Server) -> bool:
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=5)) as connection:
        try:
            connection.request("GET", "/_ministack/ready")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
