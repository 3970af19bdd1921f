"""Checks on a real Redshift what no stand-in can tell: docs/reference/verified.md has the claims.

It makes the four schemas in a database that has none of them and a prefix of its own in the lake, and removes both.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import closing
from datetime import date
from pathlib import Path

from rental_analytics.doctor.redshift.verification import Verification
from rental_analytics.errors import RentalError
from rental_marketplace import MarketplaceOptions, advance, generate
from verification_output import tell

MARKETPLACE = MarketplaceOptions(
    listings=60, bookings=240, viewings=200, seed=11, end_date=date(2024, 3, 4), dirty_rate=0.2
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warehouse", required=True, help="redshift://workgroup/database?region=REGION")
    parser.add_argument("--lake", required=True, help="s3://bucket/prefix; a prefix below it is used")
    parser.add_argument("--iam-role", default="default", help="ARN of the role by which COPY reads the lake")
    chosen = parser.parse_args()
    for variable, given, example in (
        ("WAREHOUSE", chosen.warehouse, "redshift://workgroup/database?region=REGION"),
        ("LAKE", chosen.lake, "s3://bucket/prefix"),
    ):
        scheme, _, place = given.partition("://")
        if scheme != example.partition("://")[0] or not place:
            parser.error(f"{variable} is {given or 'missing'}: call make verify-aws with {variable}={example}")
    return chosen


def main() -> int:
    chosen = arguments()
    with tempfile.TemporaryDirectory(prefix="rental-verify-") as folder:
        source = f"sqlite:///{folder}/marketplace.db"
        changes = {
            "first-run": lambda: generate(source, MARKETPLACE),
            "second-run": lambda: advance(source, 3, dirty_rate=0.2),
        }
        verification = Verification(chosen.warehouse, chosen.lake, chosen.iam_role, Path(folder), source)
        with closing(verification.results(changes, lambda left: sys.stderr.write(f"{left}\n"))) as found:
            return tell(found)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RentalError as problem:
        sys.stderr.write(f"Error: {problem}\n")
        sys.exit(problem.exit_code)
