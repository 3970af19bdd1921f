"""Where a report may be written: to a file of its own, in a folder that is there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rental_analytics.errors import ConfigurationError
from rental_analytics.paths import path_relation

MARK = '<meta name="generator" content="rental report">'
"""What a report has in its head, and no other file."""
_HEAD = 1024
"""Bytes of a report, at least, among which its mark is."""


def check_destination(out: Path, project_files: Mapping[Path, str]) -> None:
    """Refuse a path where a report would replace something else.

    Args:
        project_files: files and folders that a run needs, each with what it is called in messages.

    Raises:
        ConfigurationError: the path is no file, its folder is missing, it is or lies in one of `project_files`, or a
            file that is no report stands there.
        OSError: the path cannot be looked at.
    """
    for path, name in project_files.items():
        if relation := path_relation(out, path):
            raise ConfigurationError(
                f"The report cannot be written to {out}, which {relation} {name}.",
                remedy="choose another file with --out; a report replaces nothing that a run needs.",
                reason="report-path-in-use",
            )
    if out.is_dir():
        raise ConfigurationError(
            f"The report cannot be written to {out}, which is a folder.",
            remedy=f"name a file: --out {out / 'report.html'}.",
            reason="report-path-is-folder",
        )
    if os.path.lexists(out) and not out.is_file():
        raise ConfigurationError(
            f"The report cannot be written to {out}, which is not a regular file.",
            remedy="choose another file with --out.",
            reason="report-path-not-a-file",
        )
    if out.is_file() and not _may_be_replaced(out):
        raise ConfigurationError(
            f"The report cannot be written to {out}, which is a file that `rental report` did not write.",
            remedy="choose another file with --out, or remove this one first.",
            reason="report-path-not-a-report",
        )
    if not out.parent.exists():
        raise ConfigurationError(
            f"The report cannot be written to {out}: there is no folder {out.parent}.",
            remedy="make the folder, or choose another file with --out.",
            reason="report-folder-missing",
        )


def _may_be_replaced(file: Path) -> bool:
    with file.open("rb") as content:
        head = content.read(_HEAD)
    return not head or MARK.encode() in head
