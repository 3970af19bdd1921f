"""Writes the pages into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from rental_analytics.atomic import write_all_atomically
from rental_analytics.catalogue.content import Content
from rental_analytics.catalogue.destination import check_destination, outdated_pages
from rental_analytics.catalogue.markdown_pages import markdown_pages
from rental_analytics.catalogue.page import render_page
from rental_analytics.errors import ConfigurationError

INDEX = PurePosixPath("index.html")


def pages(content: Content) -> dict[PurePosixPath, str]:
    """Every file of the documentation by its path: the page with everything, and the Markdown files."""
    return {INDEX: render_page(content), **markdown_pages(content)}


def write_documentation(content: Content, out: Path, project_files: Mapping[Path, str]) -> Path:
    """Write the documentation and give back the path of its page; see `write_files`."""
    write_files(pages(content), out, project_files)
    return out / INDEX


def write_files(wanted: dict[PurePosixPath, str], out: Path, project_files: Mapping[Path, str]) -> None:
    """Write files into a folder.

    Args:
        wanted: the files by their paths from the folder.
        out: the folder; other files in it stay, and files of an earlier call that are no longer made go.
        project_files: what a run needs, and may not be replaced; see `check_destination`.

    Raises:
        ConfigurationError: the folder cannot be written to, or something else stands there.
    """
    try:
        check_destination(out, wanted, project_files)
        write_all_atomically(out, wanted)
        for file in outdated_pages(out, wanted):
            file.unlink()
    except OSError as error:
        raise ConfigurationError(
            f"The documentation cannot be written to {out}: {error.strerror or error}.",
            remedy="choose another folder with --out, where you may write and whose disk is not full.",
            reason="docs-not-writable",
        ) from error
