"""Checks on a deployed stack what no emulation can tell: docs/reference/verified-on-aws.md has the claims.

It starts runs, three of which fail or are skipped on purpose, and a queue of its own, which it removes.
"""

from __future__ import annotations

import argparse
import sys
from functools import cache
from typing import Any

from rental_analytics.aws.sessions import make_client
from rental_analytics.doctor.glue.deployment import find_deployment
from rental_analytics.doctor.glue.verification import verify_deployment
from rental_analytics.errors import RentalError
from verification_output import tell

PAGE = "docs/reference/verified-on-aws.md"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="deployment.name")
    parser.add_argument("--region", required=True, help="deployment.region")
    parser.add_argument("--run", choices=["yes", "no"], default="yes", help="whether to run the whole pipeline")
    parser.add_argument("--patience", type=float, default=300, help="seconds to wait for a message or a number")
    chosen = parser.parse_args()
    for option in ("name", "region"):
        if not getattr(chosen, option):
            parser.error(f"{option.upper()} is missing: call make verify-glue with NAME=rental REGION=eu-west-1")
    return chosen


def main() -> int:
    chosen = arguments()

    @cache
    def client(service: str) -> Any:
        return make_client(service, "make verify-glue", "--region", region=chosen.region)

    deployment = find_deployment(chosen.name, client, chosen.patience)
    return tell(verify_deployment(deployment, runs=chosen.run == "yes"))


def main_or_error() -> int:
    """The same, with errors as one line each."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return main()
    except RentalError as problem:
        sys.stderr.write(f"Error: {problem}\n")
        return problem.exit_code
    except (BotoCoreError, ClientError) as problem:
        sys.stderr.write(f"Error: {problem} Remedy: the rights and settings it needs are in {PAGE}.\n")
        return 2


if __name__ == "__main__":
    sys.exit(main_or_error())
