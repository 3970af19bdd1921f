"""The notebooks: run them and write each as an HTML page that needs no network, or remove what running left in them.

python scripts/notebooks.py render [FOLDER]     into build/notebooks, or into FOLDER
python scripts/notebooks.py strip               before a commit
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
PAGE = Path(__file__).with_name("notebook_page.html.j2")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""What a notebook says of itself: no version, which each machine would change."""
_HIDDEN = re.compile(r"setup|.+-answer")
"""Cells whose code a page leaves out: the SQL is of interest, and how a picture is drawn is not."""


def notebooks() -> list[Path]:
    """All notebooks, by name."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def read(path: Path) -> Any:
    """A notebook as it is in its file."""
    import nbformat

    return nbformat.read(path, as_version=4)


def stripped(notebook: Any) -> str:
    """The text of a notebook without outputs, counts and what programs noted in it."""
    import nbformat

    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata = METADATA
    return str(nbformat.writes(notebook)) + "\n"


def strip() -> None:
    """Remove what running left in the notebooks."""
    for path in notebooks():
        text = stripped(read(path))
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
            print(f"stripped {path.relative_to(ROOT)}")


@contextmanager
def kernel(**variables: str) -> Iterator[Any]:
    """A Python for notebooks to run in, with environment variables of its own; it listens to no port."""
    from jupyter_client.manager import KernelManager

    with TemporaryDirectory(prefix="rental-kernel-") as sockets:
        manager = KernelManager(kernel_name="python3", transport="ipc", ip=f"{sockets}/kernel")
        manager.start_kernel(cwd=str(NOTEBOOKS), env=os.environ | variables)
        try:
            yield manager
        finally:
            manager.shutdown_kernel(now=True)


def run(notebook: Any, manager: Any) -> Any:
    """A notebook with what its cells gave; each begins with a clean slate, in whatever kernel."""
    import nbformat
    from nbclient import NotebookClient

    forget = nbformat.v4.new_code_cell("%reset -f", id="forget")
    notebook.cells.insert(0, forget)
    client = NotebookClient(notebook, km=manager, timeout=600)
    try:
        client.execute()
    finally:
        notebook.cells.remove(forget)
        if client.kc is not None:
            client.kc.stop_channels()
    return notebook


def page(notebook: Any, title: str) -> str:
    """A notebook that was run as HTML: texts, SQL, pictures and conclusions, all of it in the page."""
    from jinja2 import Template
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    for cell in notebook.cells:
        if cell.cell_type == "code" and _HIDDEN.fullmatch(cell.id):
            cell.metadata["transient"] = {"remove_source": True}
    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
    body, _ = exporter.from_notebook_node(notebook)
    highlighting = HtmlFormatter(style="friendly").get_style_defs(".highlight")
    return Template(PAGE.read_text(encoding="utf-8")).render(title=title, body=body, highlighting=highlighting)


def render(folder: Path) -> None:
    """Run all notebooks, and write a page for each."""
    folder.mkdir(parents=True, exist_ok=True)
    with kernel() as manager:
        for path in notebooks():
            notebook = run(read(path), manager)
            written = folder / f"{path.stem}.html"
            written.write_text(page(notebook, path.stem.replace("_", " ").capitalize()), encoding="utf-8")
            print(written)


def main(arguments: list[str]) -> int:
    """Do what is asked; gives the exit code."""
    match arguments:
        case ["render", *folder] if len(folder) <= 1:
            render(Path(folder[0]) if folder else ROOT / "build" / "notebooks")
        case ["strip"]:
            strip()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
