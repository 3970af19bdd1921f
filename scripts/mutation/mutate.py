"""Change one place of the algorithm at a time, and see that a test notices: `make mutants`.

Each mutant is tried in a copy of the tree, by the tests that run its line or render its template: those that killed
others first, then the quick ones. CONTRIBUTING.md says what was found.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from math import ceil
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NoReturn

import templates
import yaml
from sampling import shares, shuffled

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "mutation"
TREE, TOOLS = BUILD / "tree", BUILD / "tools"
PACKAGE = "src/rental_analytics"

AREAS = {
    "extract": (f"{PACKAGE}/steps/extract/*.py",),
    "changes": (f"{PACKAGE}/warehouses/changes.py",),
    "quality": (f"{PACKAGE}/quality/*.py",),
    "templates": (f"{PACKAGE}/steps/extract/*.sql.j2", f"{PACKAGE}/quality/*.sql.j2"),
}
TESTS = ("tests/unit/quality", "tests/unit/extract", "tests/models/curated", "tests/models/metrics", "tests/runs")
TESTS += ("tests/warehouses/test_changes.py",)
MARKS, WORDS = "not service", "not spark and not stateful and not crashes"
"""Tests that need no server and no Java; those of crashes fork, so that nobody sees which lines they run."""

PRELOADED = (
    "boto3",
    "botocore.session",
    "duckdb",
    "jinja2",
    "numpy",
    "pyarrow.parquet",
    "pymysql",
    "pytest",
    "sqlglot",
    "http.server",
    "asyncio",
    "psycopg",
    "rental_analytics.wiring",
    "rental_analytics.databases.sqlite.database",
    "rental_analytics.engines.duckdb.engine",
    "rental_analytics.storage.local",
    "servers.mysql",
    "servers.postgresql",
    "servers.redshift_stand_in",
    "servers.s3",
    "servers.spark",
    "plugins.slowest_files",
    "plugins.work_done_once",
)
"""What all tests import, none of it a module that is changed."""

KILLED, SURVIVED, TIMED_OUT, EQUIVALENT, UNCOVERED = "killed", "survived", "timed out", "equivalent", "uncovered"


@dataclass
class Mutant:
    """A changed file, and what became of it."""

    area: str
    path: str
    line: int
    operator: str
    text: str
    change: str = ""
    outcome: str = ""
    by: str = ""
    tests: int = 0

    @property
    def name(self) -> str:
        """Tells a mutant from all others, whatever stands elsewhere in its file."""
        return hashlib.sha256(f"{self.path}{self.line}{self.change}".encode()).hexdigest()[:12]


def sample(area: str, most: int, seed: str) -> list[Mutant]:
    """At most about so many mutants of an area, one for a place."""
    paths = _files(AREAS[area], ROOT)
    found = _of_templates(paths, most, seed) if paths[0].endswith(".j2") else _of_modules(paths, most, seed)
    chosen = [Mutant(area, **mutant) for mutant in found]
    for mutant in chosen:
        mutant.change = _change((ROOT / mutant.path).read_text(), mutant.text)
    return sorted(chosen, key=lambda mutant: (mutant.path, mutant.line, mutant.change))


def _of_templates(paths: Sequence[str], most: int, seed: str) -> list[dict[str, Any]]:
    made = {path: templates.mutants(path, seed) for path in paths}
    taken = shares({path: len(found) for path, found in made.items()}, most)
    return [mutant for path, share in taken.items() for mutant in shuffled(made[path], f"{seed} {path}")[:share]]


def _of_modules(paths: Sequence[str], most: int, seed: str) -> list[dict[str, Any]]:
    command = [TOOLS / "bin" / "python", HERE / "places.py", seed, str(most), *paths]
    made: list[dict[str, Any]] = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)
    return made


def _change(was: str, now: str) -> str:
    lines = difflib.unified_diff(was.splitlines(), now.splitlines(), n=0, lineterm="")
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in list(lines)[2:] if not line.startswith("@@"))


def copy_tree() -> None:
    """The files that git knows or would, and the virtual environment, in a folder of their own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    shutil.rmtree(TREE, ignore_errors=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and name != ".venv":
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)
    (TREE / ".venv").symlink_to((ROOT / ".venv").resolve())


def pytest(arguments: Sequence[str], seconds: float, **environment: str) -> tuple[int | None, str]:
    """Pytest's exit code, none if it computed for longer than so many seconds or did nothing for ever, and its output.

    Done by a fork of this process, which has imported what takes long, and nothing of the project.
    """
    output = BUILD / "output.txt"
    child = os.fork()
    if child == 0:
        _become_pytest(arguments, output, seconds, environment)
    until = monotonic() + 300 + 60 * seconds
    for sent in (signal.SIGINT, signal.SIGKILL, None):
        while monotonic() < until:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                return (code if sent is signal.SIGINT and code >= 0 else None), output.read_text()
            sleep(0.05)
        if sent:
            os.killpg(child, sent)
            until = monotonic() + 30
    sys.exit(f"mutants: process {child} does not end")


def _become_pytest(arguments: Sequence[str], output: Path, seconds: float, environment: Mapping[str, str]) -> NoReturn:
    os.setsid()
    # Others may have the processors: a clock on the wall says little.
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(seconds), ceil(seconds) + 5))
    os.nice(max(0, 19 - os.nice(0)))
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(TREE)
    first = [f"{TREE}/src", f"{TREE}/scripts/mutation", f"{TOOLS}/coverage"]
    sys.path[:] = [*first, *(path for path in sys.path if not path.startswith(str(ROOT / "scripts")))]
    os.environ.update(environment, PYTHONPATH=":".join(first), PYTHONDONTWRITEBYTECODE="1")
    code = 3
    try:
        import pytest as real

        code = int(real.main(["-q", "--assert=plain", "-p", "no:cacheprovider", *arguments]))
    except BaseException:  # noqa: BLE001 a fork must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def preload() -> None:
    """Import what tests import, but for what is changed."""
    # Python compares times and sizes of files only: what it compiled of the last mutant could stand for the next.
    sys.dont_write_bytecode = True
    sys.path[:0] = [f"{TREE}/src", f"{TREE}/tests"]
    for name in PRELOADED:
        import_module(name)
    files = {getattr(module, "__file__", None) for module in sys.modules.values()}
    if changed := [path for patterns in AREAS.values() for path in _files(patterns, TREE) if str(TREE / path) in files]:
        sys.exit(f"mutants: imported too early: {', '.join(changed)}")


def _files(patterns: Sequence[str], root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for pattern in patterns for path in root.glob(pattern))


def covered(again: bool, more: Sequence[str]) -> dict[str, Any]:
    """What each test runs: asked once, and kept."""
    answer = BUILD / "covered.json"
    if again or not answer.exists():
        print("mutants: which test runs which line", flush=True)
        patterns = ":".join(f"*/{pattern.removeprefix('src/')}" for area in AREAS.values() for pattern in area)
        there = [test for test in TESTS if (ROOT / test).exists()]
        code, output = pytest(
            ["-p", "covered", "-m", MARKS, "-k", WORDS, *there, *more],
            7200,
            MUTATION_COVERED=str(answer),
            MUTATION_PATTERNS=patterns,
        )
        if code != 0:
            sys.exit(f"{output}\nmutants: the tests must pass before anything is changed")
    loaded: dict[str, Any] = json.loads(answer.read_text())
    return loaded


class Trial:
    """Tries mutants, and knows which tests killed."""

    def __init__(self, tests: Mapping[str, Any], seconds: float) -> None:
        self._tests = {name: test for name, test in tests.items() if "::" in name}
        self._files = {name: test for name, test in tests.items() if name and "::" not in name}
        self._seconds = seconds
        self._killers: Counter[str] = Counter()

    def run(self, mutant: Mutant) -> None:
        """Run the tests that cover a mutant until one fails."""
        chosen = self._chosen(mutant)
        mutant.tests = len(chosen)
        if not chosen:
            mutant.outcome = UNCOVERED
            return
        file = TREE / mutant.path
        original = file.read_text()
        file.write_text(mutant.text)
        try:
            self._try(mutant, chosen)
        finally:
            file.write_text(original)

    def _try(self, mutant: Mutant, chosen: Sequence[str]) -> None:
        listed = BUILD / "tests.txt"
        for some in self._batches(chosen):
            listed.write_text("\n".join(some))
            expected = sum(self._tests[name]["seconds"] for name in some)
            code, output = pytest(["-x", f"@{listed}"], 20 + 5 * expected)
            if code not in (0, 1, 2, None):
                sys.exit(f"{output}\nmutants: pytest ended with {code}")
            if code != 0:
                mutant.outcome = TIMED_OUT if code is None else KILLED
                failed = [line.split(" ")[1] for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
                mutant.by = failed[0] if failed else ""
                self._killers[mutant.by] += 1
                return
        mutant.outcome = SURVIVED

    def _chosen(self, mutant: Mutant) -> list[str]:
        """Tests that run the line; where only an import does, those that run any line of the file."""
        template = mutant.path.removeprefix(f"{PACKAGE}/")
        found = [name for name, test in self._tests.items() if self._runs(test, mutant, template)]
        shared = {name for name, test in self._files.items() if self._runs(test, mutant, template)}
        found += [name for name in self._tests if name.partition("::")[0] in shared and name not in found]
        if not found:
            found = [name for name, test in self._tests.items() if mutant.path in test["lines"]]
        found.sort(key=self._rank)
        chosen, seconds = [], 0.0
        for name in found:
            seconds += self._tests[name]["seconds"]
            if chosen and seconds > self._seconds:
                break
            chosen.append(name)
        return chosen

    def _rank(self, name: str) -> tuple[float, int, int, str]:
        """Those that killed before, for what they cost; then quick ones, of these first those that run most."""
        test = self._tests[name]
        slow = sum(test["seconds"] > limit for limit in (0.5, 2))
        return -self._killers[name] / (0.1 + test["seconds"]), slow, -sum(map(len, test["lines"].values())), name

    @staticmethod
    def _runs(test: Mapping[str, Any], mutant: Mutant, template: str) -> bool:
        return template in test["templates"] or mutant.line in test["lines"].get(mutant.path, ())

    def _batches(self, chosen: Sequence[str]) -> Iterator[list[str]]:
        """First what takes seconds, then the rest."""
        some: list[str] = []
        seconds, most = 0.0, 5.0
        for name in chosen:
            some.append(name)
            seconds += self._tests[name]["seconds"]
            if seconds > most:
                yield some
                some, seconds, most = [], 0.0, most * 5
        if some:
            yield some


def judged() -> dict[tuple[str, str], str]:
    """Why mutants that survive change nothing, by path and change."""
    listed = yaml.safe_load((HERE / "equivalent.yaml").read_text()) or []
    return {(entry["path"], entry["change"].strip()): entry["because"] for entry in listed}


def table(results: Sequence[Mutant]) -> str:
    """Figures by area, as CONTRIBUTING.md has them."""
    lines = ["| area | mutants | killed | timed out | equivalent | survived |", "| --- | --- | --- | --- | --- | --- |"]
    for area in [*AREAS, "all"]:
        of = Counter(mutant.outcome for mutant in results if area in (mutant.area, "all"))
        lines.append(
            f"| {area} | {of.total()} | {of[KILLED]} | {of[TIMED_OUT]} | {of[EQUIVALENT]} "
            f"| {of[SURVIVED] + of[UNCOVERED]} |"
        )
    return "\n".join(lines)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--areas", nargs="+", choices=AREAS, default=list(AREAS))
    parser.add_argument("--most", type=int, default=40, help="mutants of an area")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--file", default="", help="only files whose path has this in it")
    parser.add_argument(
        "--seconds", type=float, default=60, help="of computing for a mutant, where tests that take longer cover it"
    )
    parser.add_argument("--again", action="store_true", help="ask anew which test runs which line, and try all anew")
    parser.add_argument("--survivors", action="store_true", help="try only those that survived the last time")
    parser.add_argument("--tests", nargs="*", default=(), help="tests beside those that are looked at anyway")
    return parser.parse_args()


def main() -> int:
    options = parsed()
    BUILD.mkdir(parents=True, exist_ok=True)
    answers = BUILD / "results.json"
    known = {} if options.again or not answers.exists() else json.loads(answers.read_text())
    copy_tree()
    preload()
    trial = Trial(covered(options.again, options.tests), options.seconds)
    reasons = judged()
    results = []
    for area in options.areas:
        results += [mutant for mutant in sample(area, options.most, options.seed) if options.file in mutant.path]
    for mutant in results:
        if (mutant.path, mutant.change) in reasons:
            mutant.outcome = EQUIVALENT
            continue
        before = known.get(mutant.name, {})
        if before.get("outcome") in (KILLED, TIMED_OUT) or (before and not options.survivors):
            mutant.outcome, mutant.by, mutant.tests = before["outcome"], before["by"], before["tests"]
            continue
        started = monotonic()
        trial.run(mutant)
        known[mutant.name] = {name: value for name, value in asdict(mutant).items() if name != "text"}
        answers.write_text(json.dumps(known, indent=1))
        told = f"{mutant.outcome:9} {mutant.path.removeprefix(PACKAGE)}:{mutant.line} {mutant.operator}"
        print(f"{told} ({mutant.tests} tests, {monotonic() - started:.0f} s) {mutant.by}", flush=True)
    survivors = [mutant for mutant in results if mutant.outcome in (SURVIVED, UNCOVERED)]
    for mutant in survivors:
        print(f"\n{mutant.outcome} {mutant.path}:{mutant.line}\n{mutant.change}")
    print(f"\n{table(results)}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
