"""For pytest: which lines and SQL templates each test runs, and how many seconds of computing it takes."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

import coverage
import pytest
from jinja2 import Environment

ANSWER, PATTERNS = "MUTATION_COVERED", "MUTATION_PATTERNS"
"""Environment variables: the file to write, and whose lines are looked at, with `:` between."""


class Covered:
    """What ran in each test; what a shared fixture ran counts for the test file."""

    def __init__(self) -> None:
        self._coverage = coverage.Coverage(data_file=None, config_file=False, include=os.environ[PATTERNS].split(":"))
        self._coverage.start()
        self._now = ""
        self._templates: dict[str, set[str]] = defaultdict(set)
        self._seconds: dict[str, float] = {}
        found = Environment.get_template

        def get_template(environment: Environment, name: Any, *more: Any, **named: Any) -> Any:
            self._templates[self._now].add(str(name))
            return found(environment, name, *more, **named)

        Environment.get_template = get_template  # type: ignore[method-assign]

    def _switch(self, name: str) -> None:
        self._now = name
        self._coverage.switch_context(name)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        started = process_time()
        self._switch(item.nodeid)
        yield
        self._switch("")
        self._seconds[item.nodeid] = round(process_time() - started, 2)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        before = self._now
        if fixturedef.scope != "function":
            self._switch(before.partition("::")[0])
        yield
        self._switch(before)

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        lines: dict[str, dict[str, list[int]]] = defaultdict(dict)
        for file in data.measured_files():
            for line, contexts in data.contexts_by_lineno(file).items():
                for context in contexts:
                    lines[context].setdefault(os.path.relpath(file), []).append(line)
        Path(os.environ[ANSWER]).write_text(
            json.dumps(
                {
                    test: {
                        "seconds": self._seconds.get(test, 0),
                        "lines": lines.get(test, {}),
                        "templates": sorted(self._templates.get(test, ())),
                    }
                    for test in {*lines, *self._templates}
                }
            )
        )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Covered())
