"""Starting the emulated AWS, and what a test asks of it besides AWS's own calls."""

import http.client
import json
import os
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers.aws.certificate import REGION, write_certificate
from servers.process import free_port, running, temporary_folder

ACCOUNT = "123456789012"
TESTS = Path(__file__).parents[2]


@dataclass(frozen=True)
class Credentials:
    """What signs a request."""

    access_key: str
    secret_key: str
    session_token: str | None = None


ROOT = Credentials("AKIAHARNESS000000000", "harness-secret")
"""The account's root user: the harness itself, whom no policy limits."""


@dataclass(frozen=True)
class EmulatedAws:
    """A running emulator."""

    host: str
    port: int
    folder: Path
    certificate: Path
    _clients: dict[tuple[str, Credentials], Any] = field(default_factory=dict)
    _of_copy: dict[str, Credentials] = field(default_factory=dict)

    @property
    def endpoint_url(self) -> str:
        return f"https://{self.host}:{self.port}"

    def client(self, service: str, credentials: Credentials = ROOT) -> Any:
        """A client of boto3, made once and closed with the emulator."""
        import boto3

        if (service, credentials) not in self._clients:
            self._clients[service, credentials] = boto3.Session().client(
                service,
                endpoint_url=self.endpoint_url,
                region_name=REGION,
                aws_access_key_id=credentials.access_key,
                aws_secret_access_key=credentials.secret_key,
                aws_session_token=credentials.session_token,
                verify=str(self.certificate),
            )
        return self._clients[service, credentials]

    def environment(self, credentials: Credentials = ROOT) -> dict[str, str]:
        """The variables that send any AWS client to this emulator."""
        variables = {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_CA_BUNDLE": str(self.certificate),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        }
        return variables | ({"AWS_SESSION_TOKEN": credentials.session_token} if credentials.session_token else {})

    def assume(self, role: str, service: str | None = None) -> Credentials:
        """Temporary credentials of a role (ARN or name), as a service of AWS gets them that its trust policy names.

        Without a service no trust policy is asked.
        """
        return Credentials(**self.ask("credentials", role=role, service=service))

    def copy_credentials(self, role: str) -> Credentials:
        """Those by which Redshift's COPY reads, for an `IAM_ROLE` of a namespace, `default` among them.

        Raises:
            RuntimeError: no namespace has the role, or it does not trust Redshift.
        """
        if role not in self._of_copy:
            self._of_copy[role] = Credentials(**self.ask("copy_credentials", role=role))
        return self._of_copy[role]

    def allow(self, role: str, action: str, resource: str = "*") -> None:
        """Give a role, by name, one action more."""
        self._put(role, action, resource, "Allow")

    def deny(self, role: str, action: str, resource: str = "*") -> None:
        """Take one action from a role."""
        self._put(role, action, resource, "Deny")

    def _put(self, role: str, action: str, resource: str, effect: str) -> None:
        rights = {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": resource}]}
        name = f"{effect}-{action.replace(':', '-').replace('*', 'all')}"
        self.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(rights))

    def configure(self, **settings: Any) -> None:
        """Change what `control.Settings` has, until `reset` or `restore`."""
        self.ask("configure", **settings)

    def reset(self) -> None:
        """Stop what runs and forget everything."""
        self._of_copy.clear()
        self.ask("reset")

    def snapshot(self, name: str) -> None:
        """Remember all there is under a name, for `restore`; nothing may be running."""
        self.ask("snapshot", name=name)

    def restore(self, name: str) -> None:
        """Stop what runs, and make everything as it was at a `snapshot`."""
        self._of_copy.clear()
        self.ask("restore", name=name)

    def fire_schedule(self, name: str) -> None:
        """Do now what a schedule of EventBridge does when it is due.

        Raises:
            RuntimeError: its role may not.
        """
        self.ask("fire_schedule", name=name)

    def resources(self) -> dict[str, Any]:
        """All that the services hold, as texts by store: the same before and after what changes nothing."""
        return dict(self.ask("resources"))

    def calls(self) -> list[dict[str, Any]]:
        """Every call of a role since the last reset or restore: role, action, resource, and whether it was allowed.

        Those of a role's own clients, and those that services of AWS make for it.
        """
        return list(self.ask("calls")["calls"])

    def output(self, run_id: str) -> tuple[str, str]:
        """What the process of a job run has written: standard output and standard error."""
        folder = self.folder / "jobs" / run_id
        return (folder / "stdout").read_text(), (folder / "stderr").read_text()

    def ask(self, action: str, **question: Any) -> Any:
        """One of the calls of `control`.

        Raises:
            RuntimeError: the emulator refuses.
        """
        context = ssl.create_default_context(cafile=str(self.certificate))
        with closing(http.client.HTTPSConnection(self.host, self.port, timeout=120, context=context)) as connection:
            connection.request("POST", f"/_emulator/{action}", json.dumps(question))
            answer = connection.getresponse()
            body = json.loads(answer.read())
        if answer.status != http.client.OK:
            raise RuntimeError(f"{action}: {body['error']}")
        return body

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()


@contextmanager
def start_aws(settings: Mapping[str, str] | None = None) -> Iterator[EmulatedAws]:
    """Run a new emulator with nothing in it; its objects are in memory."""
    with temporary_folder("aws-") as folder:
        certificate, key = write_certificate(folder)
        aws = EmulatedAws("127.0.0.1", free_port(), folder, certificate)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PYTHONPATH": str(TESTS),
            "BIND_HOST": aws.host,
            "MINISTACK_HOST": aws.host,
            "GATEWAY_PORT": str(aws.port),
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(certificate),
            "MINISTACK_SSL_KEY": str(key),
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": ROOT.access_key,
            "AWS_SECRET_ACCESS_KEY": ROOT.secret_key,
            "LOG_LEVEL": "WARNING",
            # It would otherwise open further ports and look for containers to remove.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": f"unix://{folder / 'no-docker'}",
        } | dict(settings or {})
        command = [sys.executable, "-m", "servers.aws"]
        with running(command, log=folder / "log", is_ready=lambda: _answers(aws), env=environment):
            try:
                yield aws
            finally:
                aws.close()


def _answers(aws: EmulatedAws) -> bool:
    try:
        aws.ask("calls")
    except (OSError, ssl.SSLError):
        return False
    return True
