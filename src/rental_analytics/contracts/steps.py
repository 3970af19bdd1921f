"""The names of the steps, and of what a step may use: everything else writes them by these."""

from __future__ import annotations

from enum import StrEnum


class StepName(StrEnum):
    """A step, as the command line, the lake and `ops` name it; their order is in `pipeline.py`."""

    EXTRACT = "extract"
    TRANSFORM = "transform"
    LOAD_RAW = "load-raw"
    LOAD_CURATED = "load-curated"
    METRICS = "metrics"

    def __repr__(self) -> str:
        """As users write it, since errors about files of the lake quote it."""
        return repr(self.value)


class Part(StrEnum):
    """What a step may use besides the lake, which all of them do."""

    DATABASE = "database"
    ENGINE = "engine"
    WAREHOUSE = "warehouse"
