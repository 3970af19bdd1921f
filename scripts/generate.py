"""Writes all that is generated into the working tree; with --check it changes nothing and names what would change.

These are the tables of README.md and docs/reference, and the statements for Redshift in tests/warehouses/snapshots.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts"), str(ROOT / "tests")]

from generators.documentation import pages  # noqa: E402
from generators.redshift_statements import SNAPSHOTS, snapshots  # noqa: E402
from rental_analytics.errors import RentalError  # noqa: E402


def generated(root: Path) -> dict[Path, str]:
    """Every generated file as it should be, by path from `root`."""
    return pages(root) | snapshots()


def stale(root: Path, wanted: Mapping[Path, str]) -> list[Path]:
    """The files below `root` that are not as wanted; snapshots of what is no more among them."""
    held = {path: (root / path).read_text(encoding="utf-8") for path in wanted if (root / path).is_file()}
    left = {file.relative_to(root) for file in (root / SNAPSHOTS).glob("*.sql")} - wanted.keys()
    return sorted({path for path, text in wanted.items() if held.get(path) != text} | left)


def write(root: Path, wanted: Mapping[Path, str], changed: list[Path]) -> None:
    """Write the files that changed, and remove those nothing generates any more."""
    for path in changed:
        if path in wanted:
            (root / path).write_text(wanted[path], encoding="utf-8")
        else:
            (root / path).unlink()


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Generate, or check what is there; gives the exit code."""
    if arguments not in ([], ["--check"]):
        print("usage: python scripts/generate.py [--check]", file=sys.stderr)
        return 2
    try:
        wanted = generated(root)
    except RentalError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    changed = stale(root, wanted)
    if arguments and changed:
        print("\n".join(f"{path} is out of date" for path in changed))
        print("Run `make generate`, then read the diff.")
        return 1
    write(root, wanted, changed)
    print("\n".join(f"wrote {path}" for path in changed) or "everything generated is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
