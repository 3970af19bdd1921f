"""Writes the templates of the deployment's examples into tests/deployment/snapshots, to be read as a diff."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from generators.templates import SNAPSHOTS, template_files  # noqa: E402
from tests.deployment.synthesized import EXAMPLES, synthesized  # noqa: E402


def main() -> None:
    """Write them anew, and remove those of stacks that are no more."""
    folder = ROOT / SNAPSHOTS
    folder.mkdir(exist_ok=True)
    for file in folder.glob("*.json"):
        file.unlink()
    for example in EXAMPLES:
        for path, text in template_files(example, synthesized(example).templates).items():
            (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
