"""The login that a secret of AWS Secrets Manager holds."""

from __future__ import annotations

import json
from collections.abc import Callable

from rental_analytics.aws.errors import reading
from rental_analytics.aws.sessions import make_client
from rental_analytics.errors import ConfigurationError, SourceUnavailableError


def secret_login(secret: str, region: str | None = None) -> Callable[[], tuple[str, str]]:
    """A function that fetches user and password, as they are when it is called, from AWS Secrets Manager.

    Its JSON has the keys `username` and `password`, as RDS writes them; others are ignored.

    Args:
        secret: ARN or name.
        region: where it is if the ARN does not say; None leaves that to boto3.

    The function raises:
        ConfigurationError: there is no such secret, it may not be read, or it is not of that form.
        SourceUnavailableError: Secrets Manager did not answer, or asked to slow down.
    """

    def fetch() -> tuple[str, str]:
        rights = "secretsmanager:GetSecretValue on it, and kms:Decrypt on its key"
        subject = f"The secret {secret}"
        client = make_client("secretsmanager", subject, "what names it", region=_region(secret) or region)
        with reading(subject, "correct source.secret_arn", rights, SourceUnavailableError):
            answer = client.get_secret_value(SecretId=secret)
            return _login(secret, answer.get("SecretString"))

    return fetch


def _login(secret: str, text: str | None) -> tuple[str, str]:
    """Nothing of what is in the secret may show in the error, so it has no cause."""
    try:
        values = json.loads(text or "")
    except ValueError:
        values = None
    login = [values.get(key) for key in ("username", "password")] if isinstance(values, dict) else []
    match login:
        case [str(user), str(password)] if user:
            return user, password
    raise ConfigurationError(
        f"The secret {secret} is not a login.",
        remedy='let it hold JSON such as {"username": "reader", "password": "..."}, as RDS writes it.',
        reason="secret-not-a-login",
    ) from None


def _region(secret: str) -> str | None:
    parts = secret.split(":")
    return parts[3] or None if len(parts) > 5 and parts[0] == "arn" else None
