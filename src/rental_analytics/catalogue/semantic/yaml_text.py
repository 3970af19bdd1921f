"""YAML files as people read them too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from rental_analytics.catalogue.semantic.marks import YAML_MARK

_WIDTH = 120


class _Dumper(yaml.SafeDumper):
    """Lists stand behind their key by two spaces, and nothing is abbreviated by an anchor."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def yaml_text(document: Mapping[str, Any], about: str = "") -> str:
    """A file with one document, whose keys stay in their order, behind what it is about."""
    lines = [YAML_MARK, *(f"# {line}" for line in about.splitlines())]
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return "\n".join(lines) + "\n" + body
