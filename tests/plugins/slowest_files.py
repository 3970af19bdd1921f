"""Which files took longest, shown at the end of a test run."""

from collections import defaultdict

import pytest

SHOWN = 15
LEAST_SECONDS = 1


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SlowestFiles(), "slowest-files")


class SlowestFiles:
    """Adds up the seconds of all workers, fixtures included, by file."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._tests: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        self._seconds[file] += report.duration
        self._tests[file].add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        slowest = sorted(self._seconds, key=self._seconds.__getitem__, reverse=True)[:SHOWN]
        shown = [file for file in slowest if self._seconds[file] >= LEAST_SECONDS]
        if shown:
            total = sum(self._seconds.values())
            terminalreporter.section(f"slowest files, of {total:,.0f} seconds of all workers")
            for file in shown:
                terminalreporter.write_line(f"{self._seconds[file]:7.1f} s {len(self._tests[file]):5} tests  {file}")
