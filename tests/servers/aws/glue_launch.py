"""How the process of a Glue job is made: files that its role may read, arguments and environment as Glue gives them."""

import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zipfile import ZipFile

from ministack.core.responses import get_account_id, get_region

from servers.aws.control import settings
from servers.aws.rights import Role, assumed

SERVICE = "glue.amazonaws.com"
_WHEEL_NAME = re.compile(r"[\w.]+-[\w.!+]+(-\d\w*)?-[\w.]+-[\w.]+-[\w.]+\.whl")
_TRACEBACK = "Traceback (most recent call last):"
_unpacking = threading.Lock()


class LaunchError(Exception):
    """A job cannot be started."""


def launch(job: dict[str, Any], run: dict[str, Any]) -> tuple[subprocess.Popen[bytes], Path]:
    """Start the process of a run; its standard error goes to the path that is returned.

    Raises:
        LaunchError: something that the job needs is missing, or its role may not have it.
        NotAllowedError: Glue may not take the role.
    """
    folder = _folder("jobs") / run["Id"]
    folder.mkdir(parents=True)
    role = assumed(job["Role"], SERVICE, "GlueJobRunnerSession")
    _reach_connections(job, role)
    credentials = role.credentials()
    arguments = run_arguments(job, run)
    files = Downloads(credentials)
    script = folder / "script.py"
    script.write_bytes(files.read(job["Command"]["ScriptLocation"]))
    modules = [_unpacked(files, url) for url in _urls(arguments, "--additional-python-modules")]
    for option in ("--extra-files", "--extra-jars"):
        for url in _urls(arguments, option):
            (folder / url.rsplit("/", 1)[-1]).write_bytes(files.read(url))
    # Of a value that is empty nothing is left, as those tell whose scripts cannot read their arguments.
    argv = [word for name, value in arguments.items() for word in ((name, value) if value else (name,))]
    errors = folder / "stderr"
    with (folder / "stdout").open("wb") as out, errors.open("wb") as error:
        process = subprocess.Popen(
            # Without the packages of this Python: a job has what Glue provides, and its wheels.
            [sys.executable, "-S", str(script), *argv],
            cwd=folder,
            env=_environment(folder, [*modules, *_provided()], credentials, arguments),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=error,
            start_new_session=True,
        )
    return process, errors


def run_arguments(job: dict[str, Any], run: dict[str, Any]) -> dict[str, str]:
    """What the script gets, as far as known: the job's, those of the run, those nobody may change, Glue's own."""
    own = {"--JOB_ID": f"j_{job['Name']}", "--JOB_RUN_ID": run["Id"], "--JOB_NAME": job["Name"]}
    defaults, fixed = job.get("DefaultArguments") or {}, job.get("NonOverridableArguments") or {}
    return {**defaults, **run["Arguments"], **fixed, **own}


def error_message(errors: str, code: int) -> str:
    """What Glue tells of a failed run: the line of the exception that ended the script, nothing else of its output."""
    _, found, traceback = errors.rpartition(_TRACEBACK)
    if not found:
        return f"SystemExit: {code}"
    return next((line for line in traceback.splitlines() if line.strip() and not line.startswith(" ")), "")


class Downloads:
    """Objects of S3 as a job's role may read them."""

    def __init__(self, credentials: dict[str, str]) -> None:
        import boto3

        self._client = boto3.Session().client(
            "s3",
            endpoint_url=endpoint(),
            region_name=get_region(),
            aws_access_key_id=credentials["access_key"],
            aws_secret_access_key=credentials["secret_key"],
            aws_session_token=credentials["session_token"],
            verify=certificate(),
        )

    def read(self, url: str) -> bytes:
        return bytes(self._answer("get_object", url)["Body"].read())

    def tag(self, url: str) -> str:
        """What changes with an object's content."""
        return str(self._answer("head_object", url)["ETag"]).strip('"')

    def _answer(self, operation: str, url: str) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        place = urlsplit(url)
        key = place.path.lstrip("/")
        if place.scheme != "s3":
            raise LaunchError(f"LAUNCH ERROR | {url} is not on S3, and a job has no way to another place.")
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(Bucket=place.netloc, Key=key)
        except ClientError as problem:
            code = problem.response["Error"]["Code"]
            where = f"bucket: {place.netloc}, key: {key}"
            raise LaunchError(f"LAUNCH ERROR | Error downloading from S3 for {where}. {code}") from None
        return answer


def endpoint() -> str:
    return f"https://{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"


def certificate() -> str:
    return os.environ["MINISTACK_SSL_CERT"]


def _reach_connections(job: dict[str, Any], role: Role) -> None:
    """A job reads its connections with its own role."""
    for name in (job.get("Connections") or {}).get("Connections", []):
        role.need("glue:GetConnection", f"arn:aws:glue:{get_region()}:{get_account_id()}:connection/{name}")


def _unpacked(files: Downloads, url: str) -> Path:
    """The folder with what a wheel brings, as pip would put it there, made once."""
    name = url.rsplit("/", 1)[-1]
    if not _WHEEL_NAME.fullmatch(name):
        raise LaunchError(f"LAUNCH ERROR | pip: {name} is not a valid wheel filename.")
    target = _folder("wheels") / f"{files.tag(url)}-{name}"
    with _unpacking:
        if not target.exists():
            archive, begun = target.with_suffix(".zip"), target.with_suffix(".begun")
            archive.write_bytes(files.read(url))
            with ZipFile(archive) as wheel:
                wheel.extractall(begun)
            archive.unlink()
            begun.rename(target)
    return target


def _provided() -> list[Path]:
    """A folder with what Glue itself brings, out of this Python's packages."""
    folder, packages = _folder("provided"), Path(sysconfig.get_path("purelib"))
    for name in settings.provided:
        link = folder / name
        if not link.exists():
            link.symlink_to(packages / name)
    return [folder]


def _environment(
    folder: Path, modules: list[Path], credentials: dict[str, str], arguments: dict[str, str]
) -> dict[str, str]:
    custom = arguments.get("--customer-driver-env-vars", "")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(map(str, modules)),
        "AWS_REGION": get_region(),
        "AWS_DEFAULT_REGION": get_region(),
        "AWS_ACCESS_KEY_ID": credentials["access_key"],
        "AWS_SECRET_ACCESS_KEY": credentials["secret_key"],
        "AWS_SESSION_TOKEN": credentials["session_token"],
        "AWS_ENDPOINT_URL": endpoint(),
        "AWS_CA_BUNDLE": certificate(),
        **dict(pair.split("=", 1) for pair in custom.split(",") if pair.startswith("CUSTOMER_")),
        **_spark(folder, arguments),
        **settings.job_environment,
    }


def _spark(folder: Path, arguments: dict[str, str]) -> dict[str, str]:
    """What lets a job find the Spark that Glue provides, with the properties and jars that the job adds."""
    if not settings.spark:
        return {}
    jars = [str(folder / url.rsplit("/", 1)[-1]) for url in _urls(arguments, "--extra-jars")]
    added = [one.strip() for one in f" {arguments.get('--conf', '')}".split(" --conf ") if one.strip()]
    options = [*(f"{name}={value}" for name, value in settings.spark.items()), *added]
    words = [word for option in options for word in ("--conf", option)] + (["--jars", ",".join(jars)] if jars else [])
    return {"PYSPARK_SUBMIT_ARGS": f"{shlex.join(words)} pyspark-shell"}


def _urls(arguments: dict[str, str], option: str) -> list[str]:
    return [url for url in arguments.get(option, "").split(",") if url]


def _folder(name: str) -> Path:
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir(exist_ok=True)
    return folder
