"""Draw the README's picture of `make demo`: what the terminal shows, and the top of the report.

make demo 2>&1 | tee demo.log
.venv/bin/python scripts/demo_picture.py demo.log demo/report.html >docs/images/demo.svg
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html import escape, unescape
from pathlib import Path

WIDTH, MARGIN, GAP = 1120, 24, 12
LINE, CHART_HEIGHT, CARD_HEIGHT = 17, 272, 92
NO_BREAK = "&#160;"
LEFT_OUT = ("exchange rates", "kept with a warning")
CHARTS = ("occupancy_rate_monthly", "repeat_customer_rate_daily")
STYLE = """
text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1c2024; }
.page { fill: #f7f7f5; } .screen { fill: #14171a; } .card { fill: #fff; stroke: #e3e5e8; }
.terminal { font: 11px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d6dade; }
.prompt { fill: #79aaf5; } .title { font-size: 24px; font-weight: 700; } .value { font-size: 24px; font-weight: 650; }
.heading { font-size: 16px; font-weight: 600; } .muted { font-size: 12px; fill: #5f6670; }
.grid { stroke: #e3e5e8; } .axis { font-size: 12px; fill: #5f6670; } 
.line { fill: none; stroke: #2463c4; stroke-width: 2; }
.bar, .last { fill: #2463c4; } .bar.open { fill-opacity: .4; }
"""


def terminal(lines: list[str]) -> Iterator[str]:
    yield f'<rect class="screen" width="{WIDTH}" height="{len(lines) * LINE + 2 * MARGIN}" rx="10"/>'
    for number, line in enumerate(lines):
        kind = "terminal prompt" if line.startswith("$") else "terminal"
        text = escape(line).replace(" ", NO_BREAK)
        yield f'<text class="{kind}" x="{MARGIN}" y="{MARGIN + (number + 0.8) * LINE:.1f}">{text}</text>'


def cards(page: str, top: float) -> Iterator[str]:
    found = re.findall(
        r'<li class="card">\s*<a [^>]*>(.*?)</a>\s*<div class="value">(.*?)</div>\s*<div class="period">(.*?)</div>',
        page,
    )
    width = (WIDTH - 2 * MARGIN - (len(found) - 1) * GAP) / len(found)
    for number, texts in enumerate(found):
        left = MARGIN + number * (width + GAP)
        yield f'<rect class="card" x="{left:.1f}" y="{top}" width="{width:.1f}" height="{CARD_HEIGHT}" rx="10"/>'
        for style, text, down in zip(("", "value", "muted"), texts, (26, 54, 76), strict=True):
            yield f'<text class="{style}" x="{left + 16:.1f}" y="{top + down}">{escape(unescape(text))}</text>'


def charts(page: str, top: float) -> Iterator[str]:
    width = (WIDTH - 2 * MARGIN - GAP) / 2
    for number, name in enumerate(CHARTS):
        section = re.search(rf'<section class="card" id="{name}">.*?<h2>(.*?)</h2>.*?(<svg .*?</svg>)', page, re.DOTALL)
        if section is None:
            raise SystemExit(f"The report has no chart {name}.")
        heading, chart = section.groups()
        chart = re.sub(r'<circle class="dot".*?/>|<rect class="hover".*?</rect>|</?g[^>]*>', "", chart, flags=re.DOTALL)
        chart = re.sub(r"\n\s*", "\n", chart)
        left = MARGIN + number * (width + GAP)
        place = f'<svg x="{left + 12}" y="{top + 40}" width="{width - 24}" height="{CHART_HEIGHT - 48}"'
        yield f'<rect class="card" x="{left}" y="{top}" width="{width}" height="{CHART_HEIGHT}" rx="10"/>'
        yield f'<text class="heading" x="{left + 16}" y="{top + 28}">{heading}</text>'
        yield chart.replace("<svg", place, 1)


def shown(log: str) -> list[str]:
    """The lines of the log, without times, warnings and the folder of this machine."""
    lines = [re.sub(r"^\S+Z ", "", line.rstrip()) for line in log.splitlines()]
    lines = [re.sub(r"^Report: .*/(demo/)", r"Report: \1", line) for line in lines]
    first = next(number for number, line in enumerate(lines) if line.startswith("Generating"))
    return ["$ make demo", *(line for line in lines[first:] if not any(text in line for text in LEFT_OUT))]


def main(log: Path, report: Path) -> None:
    lines, page = shown(log.read_text()), report.read_text()
    top = len(lines) * LINE + 2 * MARGIN + GAP
    height = 76 + CARD_HEIGHT + GAP + CHART_HEIGHT + MARGIN
    title = f'<text class="title" x="{MARGIN}" y="{top + 46}">Rental marketplace</text>'
    below = top + 72
    parts = [
        *terminal(lines),
        f'<rect class="page" y="{top}" width="{WIDTH}" height="{height}" rx="10"/>',
        title,
        *cards(page, below),
        *charts(page, below + CARD_HEIGHT + GAP),
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + height}" role="img">'
    sys.stdout.writelines(f"{part}\n" for part in (head, f"<style>{STYLE}</style>", *parts, "</svg>"))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
