"""`rental asl`."""

from __future__ import annotations

import json
import sys

from rental_analytics.cli.app import app


@app.command(epilog="Example: rental asl > pipeline.asl.json")
def asl() -> None:
    """Print the AWS Step Functions definition of the pipeline; names of jobs and lock are substitutions."""
    from rental_analytics.runners.state_machine import state_machine

    sys.stdout.write(json.dumps(state_machine(), indent=2) + "\n")
