"""Starting and stopping a server program."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

START_SECONDS = 60
STOP_SECONDS = 20
# Debian keeps server programs where an ordinary user's PATH does not look.
SERVER_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")


def find_program(name: str, remedy: str) -> str:
    """The path of a server program; a missing one ends the whole test run."""
    found = shutil.which(name) or shutil.which(name, path=":".join(SERVER_FOLDERS))
    if found is None:
        pytest.exit(f"The tests need the program {name}. {remedy}", returncode=1)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder with a short path: a Unix socket's may have no more than about 100 characters."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    is_ready: Callable[[], bool],
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    stop_signal: int = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, as this user, from the moment it answers to the end of the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env, user=user
        )
    try:
        _wait_until_ready(process, is_ready, log)
        yield process
    finally:
        _stop(process, stop_signal)


def _wait_until_ready(process: subprocess.Popen[bytes], is_ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_ready():
        if process.poll() is not None:
            _fail(f"{process.args[0]} stopped with exit code {process.returncode}", log)
        if time.monotonic() > deadline:
            _fail(f"{process.args[0]} did not answer within {START_SECONDS} seconds", log)
        time.sleep(0.05)


def _fail(problem: str, log: Path) -> None:
    raise RuntimeError(f"{problem}. Its log:\n{log.read_text(errors='replace')[-8000:]}")


def _stop(process: subprocess.Popen[bytes], stop_signal: int) -> None:
    process.send_signal(stop_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
