"""Redshift's COPY of Parquet files that a manifest on S3 names."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from servers.redshift_ddl import table_name
from servers.redshift_lexer import Cursor, SqlError, literal, quoted
from servers.redshift_parquet import Column, CopyError, rows_as_csv
from servers.s3 import REGION, S3Server

if TYPE_CHECKING:
    from psycopg import Connection

_OPTIONS = {"MANIFEST", "FILLRECORD", "ACCEPTINVCHARS", "STATUPDATE"}


@dataclass(frozen=True)
class CopyJob:
    """A COPY statement."""

    table: tuple[str, str]
    columns: list[str]
    url: str
    role: str
    fill: bool = False
    kind: str = "COPY"


def parse_copy(cursor: Cursor) -> CopyJob:
    """The rest of a statement that starts with COPY."""
    table, columns = cursor.qualified(), cursor.names()
    cursor.need("FROM")
    url = cursor.string()
    cursor.need("IAM_ROLE")
    role = "default" if cursor.take("DEFAULT") else cursor.string()
    cursor.need("FORMAT", "AS", "PARQUET")
    given: set[str] = set()
    while cursor.position < len(cursor.tokens):
        option = cursor.raw().key
        if option not in _OPTIONS:
            raise SqlError(f"ERROR: COPY {option} argument is not supported for PARQUET based COPY")
        if option in given:
            raise cursor.error()
        given.add(option)
        if option == "STATUPDATE":
            cursor.one_of("ON", "OFF")
    if "MANIFEST" not in given:
        raise SqlError("ERROR: syntax error (stand-in: COPY needs MANIFEST)")
    return CopyJob(table, columns, url, role, fill="FILLRECORD" in given)


class Storage:
    """S3 as the roles that COPY may take see it.

    Args:
        client: makes a client of S3 for a role; a KeyError where the role may not be taken.
    """

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client
        self._lock = threading.Lock()

    def read(self, role: str, url: str) -> bytes:
        """An object, as Spectrum sees it: what has a name that begins with a dot or an underscore is not there."""
        from botocore.exceptions import ClientError

        place = urlsplit(url)
        if any(part.startswith((".", "_")) for part in place.path.split("/")):
            raise CopyError(
                f"ERROR: Spectrum Scan Error (stand-in: {url} has a name that begins with . or _ and is ignored)", url
            )
        if place.scheme != "s3" or not place.netloc or place.query or place.fragment:
            raise CopyError(f"ERROR: The specified S3 path {url} is invalid", url)
        try:
            answer = self._taken(role).get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
            return bytes(answer["Body"].read())
        except ClientError as problem:
            status = problem.response["ResponseMetadata"]["HTTPStatusCode"]
            code = problem.response["Error"]["Code"]
            text = "Access Denied" if status == 403 else problem.response["Error"]["Message"]
            message = f"ERROR: S3ServiceException:{text},Status {status},Error {code}"
            raise CopyError(message, url) from None

    def _taken(self, role: str) -> Any:
        with self._lock:
            try:
                return self._client(role)
            except KeyError:
                user = "arn:redshift:us-east-1:123456789012:dbuser:stand-in/loader"
                raise CopyError(f"ERROR: User {user} is not authorized to assume IAM Role {role}") from None


@contextmanager
def clients_of(server: S3Server, roles: Mapping[str, tuple[str, str]]) -> Iterator[Callable[[str], Any]]:
    """Clients for roles whose credentials are known, closed after the block."""
    import boto3

    clients: dict[str, Any] = {}

    def client(role: str) -> Any:
        access_key, secret_key = roles[role]
        if role not in clients:
            clients[role] = boto3.Session().client(
                "s3",
                endpoint_url=server.endpoint_url,
                region_name=REGION,
                aws_access_key_id=access_key,
                aws_secret_access_key=secret_key,
            )
        return clients[role]

    try:
        yield client
    finally:
        for found in clients.values():
            found.close()


def load(job: CopyJob, connection: "Connection[Any]", storage: Storage) -> int:
    """Add the rows of every file of the manifest to the table; how many they are."""
    columns = _target_columns(job, connection)
    entries = _manifest(job, storage)
    count = 0
    for url, mandatory, length in entries:
        content = _file(job, storage, url, mandatory=mandatory)
        if content is None:
            continue
        if len(content) != length:
            message = f"content_length {length} of the manifest is not the size {len(content)} of {url}"
            raise CopyError(f"ERROR: Problem reading manifest file - {message}", url)
        rows, width = rows_as_csv(content, url, columns, fill=job.fill)
        count += _insert(connection, job.table, columns[:width], rows)
    return count


def _target_columns(job: CopyJob, connection: "Connection[Any]") -> list[Column]:
    sql = f"""
        SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
        WHERE attrelid = {literal(table_name(job.table))}::regclass AND attnum > 0 AND NOT attisdropped
    """
    found = {name: Column(name, kind, required) for name, kind, required in connection.execute(sql.encode())}
    for name in job.columns:
        if name not in found:
            raise CopyError(f'ERROR: column "{name}" of relation "{job.table[1]}" does not exist')
    if len(set(job.columns)) < len(job.columns):
        raise CopyError("ERROR: a column of COPY is named more than once")
    for column in found.values():
        if column.required and column.name not in job.columns:
            raise CopyError(f"ERROR: Cannot insert a NULL value into column {column.name}", column=column)
    return [found[name] for name in job.columns]


def _manifest(job: CopyJob, storage: Storage) -> list[tuple[str, bool, int]]:
    content = storage.read(job.role, job.url)
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        entries = json.loads(content)["entries"]
        found = [(str(entry["url"]), entry.get("mandatory", False), entry.get("meta", {})) for entry in entries]
        if found and all(isinstance(mandatory, bool) for _, mandatory, _ in found):
            return [(url, mandatory, _length(meta, job.url)) for url, mandatory, meta in found]
    raise CopyError("ERROR: Problem reading manifest file - invalid format", job.url)


def _length(meta: Mapping[str, Any], manifest: str) -> int:
    length = meta.get("content_length")
    if not isinstance(length, int):
        raise CopyError("ERROR: Problem reading manifest file - content_length is missing in its meta", manifest)
    return length


def _file(job: CopyJob, storage: Storage, url: str, *, mandatory: bool) -> bytes | None:
    try:
        return storage.read(job.role, url)
    except CopyError as problem:
        if mandatory or "Status 404" not in str(problem):
            raise
        return None


def _insert(connection: "Connection[Any]", table: tuple[str, str], columns: list[Column], rows: bytes) -> int:
    names = ", ".join(quoted(column.name) for column in columns)
    with connection.cursor() as cursor:
        sql = f"COPY {table_name(table)} ({names}) FROM STDIN (FORMAT csv)"
        with cursor.copy(sql.encode()) as target:
            target.write(rows)
        return cursor.rowcount
