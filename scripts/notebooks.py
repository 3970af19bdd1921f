"""The notebooks: run them and write each as an HTML page that needs no network, or remove what running left in them.

    python scripts/notebooks.py render [FOLDER]     into build/notebooks, or into FOLDER
    python scripts/notebooks.py strip               before a commit
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""What a notebook says of itself: no version, which each machine would change."""
_HIDDEN = re.compile(r"setup|.+-answer")
"""Cells whose code a page leaves out: how a picture is drawn is nobody's question, and the SQL is."""
_OUTSIDE = re.compile(r"""<script src="?[^>]*>\s*</script>|<link[^>]*href="?https?:[^>]*>""")


def notebooks() -> list[Path]:
    """All notebooks, by name."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def read(path: Path) -> Any:
    """A notebook as it is in its file."""
    return nbformat.read(path, as_version=4)


def stripped(notebook: Any) -> Any:
    """A notebook without outputs, counts and what a program noted in it."""
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata = METADATA
    return notebook


def strip() -> None:
    """Remove what running left in the notebooks."""
    for path in notebooks():
        text = nbformat.writes(stripped(read(path))) + "\n"
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
            print(f"stripped {path.relative_to(ROOT)}")


def executed(notebook: Any) -> Any:
    """A notebook with what its cells gave, run where it lies."""
    from nbclient import NotebookClient

    client = NotebookClient(notebook, kernel_name="python3", timeout=600, resources={"metadata": {"path": str(NOTEBOOKS)}})
    client.execute()
    return notebook


def page(notebook: Any, title: str) -> str:
    """A notebook as HTML: texts, SQL, pictures and conclusions, all of it in the page."""
    from nbconvert import HTMLExporter

    for cell in notebook.cells:
        if cell.cell_type == "code" and _HIDDEN.fullmatch(cell.id):
            cell.metadata["transient"] = {"remove_source": True}
    exporter = HTMLExporter(template_name="lab", exclude_input_prompt=True, exclude_output_prompt=True, embed_images=True)
    html, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": title}})
    return _OUTSIDE.sub("", html)


def render(folder: Path) -> None:
    """Run all notebooks, and write a page for each."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in notebooks():
        title = path.stem.replace("_", " ").capitalize()
        written = folder / f"{path.stem}.html"
        written.write_text(page(executed(read(path)), title), encoding="utf-8")
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
