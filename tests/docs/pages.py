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
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
PATH = re.compile(r"(src|tests|scripts|docs|benchmarks)/[\w./-]*")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@cache
def pages() -> dict[str, str]:
    """Text by path from the project's folder."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
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
    commands = [line for line in _lines_of_code(text) if re.match(r"(\S*/)?rental( |$)", line)]
    return [_before_the_pipe(shlex.split(command, comments=True)[1:]) for command in commands]


def make_targets(text: str) -> list[str]:
    """The first target of every `make` command in a page."""
    found = [re.search(r"(^|\s)make ([a-z-]+)( |$)", line) for line in _lines_of_code(text)]
    return [match[2] for match in found if match]


def paths(text: str) -> list[str]:
    """Paths from the project's folder that a page names in full."""
    return [code for code in INLINE.findall(FENCE.sub("", text)) if PATH.fullmatch(code)]


def _lines_of_code(text: str) -> list[str]:
    blocks = [code for language, code in FENCE.findall(text) if language in {"", "sh"}]
    return [line for code in blocks for line in code.splitlines()] + INLINE.findall(FENCE.sub("", text))


def _before_the_pipe(arguments: list[str]) -> list[str]:
    ends = (place for place, argument in enumerate(arguments) if argument in {"|", ">", ">>", "&&", "||", ";"})
    return arguments[: next(ends, len(arguments))]
