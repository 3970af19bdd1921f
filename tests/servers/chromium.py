"""A browser without a window, and a page in it that a test uses as a person would.

It is spoken to in the Chrome DevTools Protocol over a pair of pipes: messages are JSON, each ended by a zero byte.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from servers.process import temporary_folder

REMEDY = "Run scripts/install_chromium.sh."
NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
WAIT_SECONDS = 20
KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "Escape": (27, ""), "ArrowUp": (38, ""), "ArrowDown": (40, "")}
"""Keys that have names, with their numbers and what they write."""


class Connection:
    """Commands to a browser, and the events that it tells of in between."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._rest = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Give a command and wait for its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._answers, 1 << 16)
            assert more, "the browser has ended"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


class Page:
    """A tab; `dark` and `scripts` are how the reader has set the browser."""

    def __init__(self, connection: Connection, *, dark: bool = False, scripts: bool = True) -> None:
        self._connection = connection
        self._target = connection.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = connection.send("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._send(f"{domain}.enable")
        self._send("Emulation.setDeviceMetricsOverride", width=1360, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._send("Emulation.setEmulatedMedia", features=[scheme])
        self._send("Emulation.setScriptExecutionDisabled", value=not scripts)

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._connection.send(method, self._session, **parameters)

    def open(self, file: Path, fragment: str = "") -> None:
        """Go to a file, and wait until it is there as a whole."""
        self._send("Page.navigate", url=file.absolute().as_uri() + fragment)
        self.wait_for("document.readyState === 'complete' && location.protocol === 'file:'")

    def evaluate(self, expression: str) -> Any:
        """What an expression gives, in the page."""
        answer = self._send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.evaluate(condition):
            assert time.monotonic() < deadline, condition
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        number, text = KEYS.get(key) or (ord(key.upper()), key)
        about: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": number, **({"text": text} if text else {})}
        self._send("Input.dispatchKeyEvent", type="keyDown", **about)
        self._send("Input.dispatchKeyEvent", type="keyUp", **about)

    def write(self, text: str) -> None:
        """Write into what has the focus."""
        self._send("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click in the middle of an element."""
        place = self.evaluate(
            f"(() => {{ const element = document.querySelector({json.dumps(selector)});"
            "element.scrollIntoView({block: 'center'}); const box = element.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        self.click_at(*place)

    def click_at(self, x: float, y: float) -> None:
        """Click at a place of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self._send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, file: Path) -> None:
        """Take a picture of the window."""
        file.write_bytes(base64.b64decode(self._send("Page.captureScreenshot")["data"]))

    @property
    def problems(self) -> list[str]:
        """What the browser complained of: errors of scripts, and what the page's own rules forbid."""
        found = []
        for event in self._events():
            told = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(told["exceptionDetails"]))
            elif event["method"] == "Log.entryAdded":
                found.append(told["entry"]["text"])
        return found

    @property
    def requests(self) -> list[str]:
        """The addresses that the page asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self._events()
            if event["method"] == "Network.requestWillBeSent"
        ]

    def _events(self) -> list[dict[str, Any]]:
        self.evaluate("1")
        return [event for event in self._connection.events if event.get("sessionId") == self._session]

    def close(self) -> None:
        self._connection.send("Target.closeTarget", targetId=self._target)


class Chromium:
    """A browser that is running."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def page(self, *, dark: bool = False, scripts: bool = True) -> Iterator[Page]:
        """A tab for one test."""
        page = Page(self._connection, dark=dark, scripts=scripts)
        try:
            yield page
        finally:
            page.close()


def find_chromium() -> str:
    """The path of the browser; a missing one ends the whole test run."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.exit(f"The tests need Chromium. {REMEDY}", returncode=1)
    return found


@contextmanager
def start_chromium() -> Iterator[Chromium]:
    """A browser for as long as the block takes."""
    with temporary_folder("chromium-") as profile:
        command = (
            find_chromium(),
            "--headless",
            "--remote-debugging-pipe",
            # Of root it asks for that; what it shows is our own.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            f"--user-data-dir={profile}",
        )
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        # It reads from 3 and writes to 4.
        shell = ("bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", *command)
        process = subprocess.Popen(
            shell,
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"HOME": str(profile), "PATH": os.environ["PATH"]},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        connection = Connection(ours_out, ours_in)
        try:
            yield Chromium(connection)
            connection.send("Browser.close")
        finally:
            os.close(ours_out)
            os.close(ours_in)
            try:
                process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
