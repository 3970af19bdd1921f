"""Print the entries of constraints.txt, hashes included, that the Glue jobs need.

Those are the packages named here and what they need in turn on Glue: Python 3.11 on Linux x86_64. Spark is there.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOTS = (
    "boto3",
    "currencyconverter",
    "jinja2",
    "pyarrow",
    "pydantic",
    "pydantic-settings",
    "pymysql[rsa]",
    "pyyaml",
    "sqlglot",
    "tenacity",
)
GLUE = {
    "python_version": "3.11",
    "python_full_version": "3.11.0",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "os_name": "posix",
}


def needed() -> list[str]:
    """Names of the packages, sorted."""
    waiting = [Requirement(root) for root in ROOTS]
    found: dict[str, set[str]] = {}
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), requirement.extras or {""}
        if found.get(name, set()) >= extras:
            continue
        found[name] = found.get(name, set()) | extras
        for text in distribution(name).requires or ():
            below = Requirement(text)
            if below.marker is None or any(below.marker.evaluate(GLUE | {"extra": extra}) for extra in extras):
                waiting.append(below)
    return sorted(found)


def pins(constraints: str) -> dict[str, str]:
    """Entries of constraints.txt by name."""
    entries = re.split(r"^(?=\w)", constraints, flags=re.MULTILINE)
    return {canonicalize_name(entry.split("==")[0]): entry for entry in entries if entry.strip()}


if __name__ == "__main__":
    known = pins((Path(__file__).parents[1] / "constraints.txt").read_text())
    sys.stdout.write("".join(known[name] for name in needed()))
