"""The questions of analytics/, and what is in their files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
READ = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+\.[a-z][a-z0-9_]*)")
MARK = "How to read it: "


@dataclass(frozen=True)
class Question:
    """A file: the question in words, how to read the answer, and the statement."""

    name: str
    text: str

    @property
    def comment(self) -> list[str]:
        """The paragraphs above the statement."""
        lines = [line.removeprefix("--").strip() for line in self.text.split("\n") if line.startswith("--")]
        return [" ".join(part.split("\n")) for part in "\n".join(lines).split("\n\n")]

    @property
    def words(self) -> str:
        """The question."""
        return self.comment[0]

    @property
    def reading(self) -> str:
        """How to read the answer."""
        return self.comment[1].removeprefix(MARK)

    @property
    def reads(self) -> list[str]:
        """Qualified names of the tables it reads, in order."""
        return sorted(set(READ.findall(self.text)))


def questions() -> list[Question]:
    """All of them, by name."""
    return [Question(path.stem, path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("analytics/*.sql"))]
