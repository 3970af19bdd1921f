"""Aurora MySQL in front of a real MySQL server, and the RDS Data API on it."""

import re
from collections.abc import Iterator
from typing import Any

from ministack.core.iam_evaluator import caller_arn
from ministack.services import rds, rds_data
from ministack.services.cloudformation import provisioners

from infra.functions.password import hashed
from servers.aws.control import settings
from servers.aws.encryption import key_arn
from servers.aws.handlers import Made, Properties
from servers.aws.rights import Role

_HASHED = re.compile(r"IDENTIFIED WITH caching_sha2_password AS '(\$A\$005\$(.{20}).{43})'")

_create_cluster = provisioners._rds_db_cluster_create
_create_instance = provisioners._rds_db_instance_create
_credentials = rds_data._get_secret_credentials


def install() -> None:
    """Give clusters the address of the server that `Settings.mysql` names."""
    handlers = provisioners._RESOURCE_HANDLERS
    handlers["AWS::RDS::DBCluster"]["create"] = _cluster
    handlers["AWS::RDS::DBInstance"]["create"] = _instance
    rds_data._connect = _connect
    rds_data._get_secret_credentials = _read_credentials


def _cluster(logical: str, properties: Properties, stack: str) -> Made:
    name, attributes = _create_cluster(logical, properties, stack)
    if settings.mysql:
        host, port = settings.mysql["host"], settings.mysql["port"]
        rds._clusters[name].update({"Endpoint": host, "ReaderEndpoint": host, "Port": port})
        attributes |= {"Endpoint.Address": host, "ReadEndpoint.Address": host, "Endpoint.Port": str(port)}
        _make_admin(properties)
    return name, attributes


def _instance(logical: str, properties: Properties, stack: str) -> Made:
    name, attributes = _create_instance(logical, properties, stack)
    if settings.mysql:
        place = {"Address": settings.mysql["host"], "Port": settings.mysql["port"]}
        # Without it the Data API takes the server for one that is not there.
        rds._instances[name].update({"Endpoint": place, "_docker_container_id": "none"})
        attributes |= {"Endpoint.Address": place["Address"], "Endpoint.Port": str(place["Port"])}
    return name, attributes


def _make_admin(properties: Properties) -> None:
    """The admin and the first database, which Aurora makes with the cluster."""
    import pymysql

    place = settings.mysql
    user = properties["MasterUsername"]
    with pymysql.connect(
        host=place["host"], port=place["port"], user=place["user"], password=place["password"]
    ) as connection:
        cursor = connection.cursor()
        if database := properties.get("DatabaseName"):
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{database}`")
        cursor.execute("CREATE USER IF NOT EXISTS %s@'%%'", [user])
        cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", [user, properties["MasterUserPassword"]])
        cursor.execute("GRANT ALL ON *.* TO %s@'%%' WITH GRANT OPTION", [user])


def _connect(_: Any, __: str, database: str | None = None, password: str | None = None, username: str = "") -> Any:
    import pymysql

    host, port = settings.mysql["host"], settings.mysql["port"]
    connection = pymysql.connect(
        host=host, port=port, user=username, password=password, database=database, autocommit=True
    )
    if "MariaDB" in connection.get_server_info():
        connection.cursorclass = _cursor_of_mariadb()
    return connection


def _cursor_of_mariadb() -> Any:
    """MariaDB does not know the hashes of MySQL: it is told the password that one of the secrets has."""
    from pymysql.cursors import Cursor

    class Told(Cursor):
        def execute(self, query: str, args: Any = None) -> int:
            if found := _HASHED.search(query):
                word = next(word for word in _passwords() if hashed(word, found[2]) == found[1])
                query = query.replace(found[0], f"IDENTIFIED BY {self.mogrify('%s', [word])}")
            return int(super().execute(query, args))

    return Told


def _passwords() -> Iterator[str]:
    from ministack.services import secretsmanager

    for name in list(secretsmanager._secrets):
        _, word = _credentials(name)
        if word:
            yield word


def _read_credentials(secret: str) -> Any:
    """The Data API reads the secret as its caller."""
    _, found, names = caller_arn().partition(":assumed-role/")
    if found:
        from ministack.services import secretsmanager

        _, record = secretsmanager._resolve(secret)
        role = Role(*names.split("/", 1))
        role.need("secretsmanager:GetSecretValue", (record or {}).get("ARN", secret))
        if (key := key_arn((record or {}).get("KmsKeyId"))) is not None:
            role.need("kms:Decrypt", key)
    return _credentials(secret)
