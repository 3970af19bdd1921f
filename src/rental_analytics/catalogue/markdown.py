"""Texts as Markdown that shows what they say, whatever is in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from string import punctuation

_SPECIAL = re.compile(r"[\\`*\[\]<>&~#!{}|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_FIRST = re.compile(r"[-+=:]|[0-9]+[.)]")
_RUN = re.compile(r"`+")


def text(words: str) -> str:
    """Words inside a line: of a heading, or of a table's cell."""
    line = " ".join(words.split())
    return _SPECIAL.sub(lambda found: "&#124;" if found[0] == "|" else f"\\{found[0]}", line)


def paragraph(words: str) -> str:
    """Words that begin a line, and no list, heading or rule with it."""
    line = text(words)
    first = _FIRST.match(line)
    return f"{line[: first.end() - 1]}\\{line[first.end() - 1 :]}" if first else line


def code(words: str) -> str:
    """Words as code, in a paragraph or a table's cell."""
    line = " ".join(words.split())
    if not line:
        return ""
    if "|" in line or "`" in line:
        shown = "".join(f"&#{ord(sign)};" if sign in punctuation else sign for sign in line)
        return f"<code>{shown}</code>"
    return f"`{line}`"


def fenced(block: str, language: str = "") -> str:
    """A block of code, as it is."""
    longest = max((len(run) for run in _RUN.findall(block)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{block.rstrip()}\n{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def bullets(items: Iterable[str]) -> str:
    """A list of items that are Markdown already."""
    return "\n".join(f"- {item}" for item in items)


def link(words: str, target: str) -> str:
    """A link; neither words nor target are escaped."""
    return f"[{words}]({target})"


def page(parts: Iterable[str]) -> str:
    """A page of its parts, those that are empty left out."""
    return "\n\n".join(part for part in parts if part) + "\n"


def anchor(heading: str) -> str:
    """The anchor that readers of Markdown make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
