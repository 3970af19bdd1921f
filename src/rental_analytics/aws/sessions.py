"""How clients of AWS are made."""

from __future__ import annotations

from functools import cache
from typing import Any

from rental_analytics.aws.errors import setup_remedy
from rental_analytics.errors import ConfigurationError


def make_client(
    service: str,
    subject: str,
    where: str,
    *,
    region: str | None = None,
    endpoint: str | None = None,
    retry_mode: str = "standard",
    attempts: int = 3,
    read_timeout: int = 20,
) -> Any:
    """A client of an AWS service, with the credentials of this process; it sends nothing yet.

    Args:
        subject: what needs it, as errors name it.
        where: the key of the configuration that has the region.
        region: None leaves it to boto3.
        retry_mode: how the client repeats requests, as botocore calls it.
        attempts: how often it sends a request at most.
        read_timeout: seconds to wait for a part of an answer.

    Raises:
        ConfigurationError: boto3 is not installed, or what AWS needs is not configured.
    """
    try:
        import boto3
        import botocore.session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise ConfigurationError(
            f"{subject} needs the package boto3, which is not installed.",
            remedy="run `make setup`, or `pip install '.[s3]'`, in the folder of the project.",
            reason="boto3-missing",
        ) from error
    retries = {"mode": retry_mode, "max_attempts": attempts}
    config = Config(retries=retries, connect_timeout=5, read_timeout=read_timeout)
    try:
        core = botocore.session.Session()
        session = boto3.session.Session(botocore_session=core)
        core.register_component("data_loader", _descriptions(core.get_config_variable("data_path")))
        return session.client(service, region_name=region, endpoint_url=endpoint, config=config)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"{subject} cannot be set up: {str(error).rstrip('.')}.",
            remedy=setup_remedy(error, where),
            reason="aws-not-configured",
        ) from error


@cache
def _descriptions(folders: str | None) -> Any:
    """What botocore knows of services: to read it takes longer than all else of making a client."""
    from botocore.loaders import create_loader

    return create_loader(folders)
