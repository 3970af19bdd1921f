"""The templates of the deployment's examples, as tests/deployment/snapshots keeps them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SNAPSHOTS = Path("tests/deployment/snapshots")
"""Where they are kept, below the project's folder."""
_DIGEST = re.compile(r'\b[0-9a-f]{64}\b|(?<=jobs/)[0-9a-f]{16}\b|(?<="Code": ")[0-9a-f]{16}(?=")')
"""Names of uploads, the prefix of the jobs' code, and what runs the functions again."""


def template_files(example: str, templates: Mapping[str, Mapping[str, Any]]) -> dict[Path, str]:
    """The text of each stack's template by its path below the project's folder.

    What files of code hold shows as a digest in a template, and changes with every line of the program: it is left out.
    """
    return {
        SNAPSHOTS / f"{example}-{stack}.json": _DIGEST.sub("<digest>", json.dumps(template, indent=1, sort_keys=True))
        + "\n"
        for stack, template in templates.items()
    }
