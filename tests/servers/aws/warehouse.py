"""Connects the stand-in for Redshift with the emulated AWS, from the test process, in which the stand-in runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from servers.aws.server import EmulatedAws
from servers.postgresql import PostgreSQL
from servers.redshift_stand_in import RedshiftStandIn, start_stand_in


@contextmanager
def connected_redshift(aws: EmulatedAws, postgresql: PostgreSQL) -> Iterator[tuple[RedshiftStandIn, str]]:
    """Run a stand-in for the emulator's workgroups; it, and the database that is the namespaces' own."""

    def client(role: str) -> Any:
        try:
            return aws.client("s3", aws.copy_credentials(role))
        except RuntimeError:
            raise KeyError(role) from None

    with start_stand_in(postgresql, client) as stand_in:
        database = stand_in.create_database()
        aws.configure(
            redshift={
                "endpoint": stand_in.endpoint_url,
                "database": database,
                "host": postgresql.host,
                "port": postgresql.port,
            }
        )
        yield stand_in, database
