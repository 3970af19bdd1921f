"""The pages of the documentation, and what is in them."""

from __future__ import annotations

import re
import shlex
import textwrap
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@cache
def pages() -> dict[str, str]:
    """Text by path from the project's folder."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(found)}


def text_of(*names: str) -> str:
    return "\n".join(text for name, text in pages().items() if name.startswith(names))


def links(text: str) -> list[str]:
    return LINK.findall(FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks(text: str, language: str) -> list[str]:
    """Code of a page in one language, indented blocks included."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, flags=re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(code) for _, code in found]


def rental_commands(text: str) -> list[list[str]]:
    """Arguments of every `rental` command in a page: lines of its shell blocks, and code within the text."""
    blocks = [code for language, code in FENCE.findall(text) if language in {"", "sh"}]
    lines = [line for code in blocks for line in code.splitlines()] + INLINE.findall(FENCE.sub("", text))
    commands = [line for line in lines if re.match(r"(\S*/)?rental( |$)", line)]
    return [shlex.split(command, comments=True)[1:] for command in commands]
