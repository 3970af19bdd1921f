"""The process that reads the source, forked as one of its own is: it has imported ConnectorX already."""

from __future__ import annotations

import json
import os
import signal
import sys
from subprocess import Popen
from typing import NoReturn, cast

from rental_analytics.databases import arrow_stream, reader_process


def have_one_ready() -> None:
    """Let this process, which has no threads yet, not start Python for its first reader."""
    ready, start = [ForkedReader()], arrow_stream.start_process
    arrow_stream.start_process = lambda: cast("Popen[bytes]", ready.pop()) if ready else start()


class ForkedReader:
    """What `arrow_stream` uses of `subprocess.Popen`."""

    def __init__(self) -> None:
        requests, answers = os.pipe(), os.pipe()
        self.pid = os.fork()
        if not self.pid:
            _serve(requests[0], answers[1])
        os.close(requests[0])
        os.close(answers[1])
        self.stdin = os.fdopen(requests[1], "wb")
        self.stdout = os.fdopen(answers[0], "rb")
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, if it has."""
        return self._ended(os.WNOHANG)

    def wait(self) -> int | None:
        """Wait for its end."""
        return self._ended(0)

    def kill(self) -> None:
        """End it."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _ended(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _serve(requests: int, answers: int) -> NoReturn:
    """As the program that `arrow_stream` starts, with nothing else open."""
    code = 1
    try:
        os.setpgid(0, 0)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number, file in enumerate((requests, answers, nowhere)):
            os.dup2(file, number)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
        sys.path[:] = json.loads(sys.stdin.readline())
        reader_process.serve()
        code = 0
    finally:
        os._exit(code)
