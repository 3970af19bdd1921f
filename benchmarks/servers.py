"""The whole pipeline on Oracle's MySQL and on MariaDB: each against its source, and the two against each other.

No figure of speed: it ends well when first run, later run and full refresh are equal on both.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from rental_marketplace import MarketplaceOptions
from runs.servers_compared import LAST_DAY, Compared, assert_same_warehouses
from servers.mysql import start_mysql


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, rows in (("listings", 20_000), ("bookings", 200_000), ("viewings", 1_000_000)):
        parser.add_argument(f"--{name}", type=int, default=rows)
    sizes = vars(parser.parse_args())
    options = MarketplaceOptions(**sizes, end_date=LAST_DAY, dirty_rate=0.01)
    with (
        tempfile.TemporaryDirectory(prefix="rental-servers-") as folder,
        start_mysql(kind="mysql") as mysql,
        start_mysql(kind="mariadb") as mariadb,
    ):
        pair = (
            Compared(mysql, Path(folder) / "mysql", all_rates=True),
            Compared(mariadb, Path(folder) / "mariadb", all_rates=True),
        )
        began = time.monotonic()
        for name, _ in zip(*(compared.live(options) for compared in pair), strict=True):
            for compared in pair:
                rows = sum(compared.assert_raw_is_source().values())
                print(f"{name}: {compared.server.kind}: {rows:,} rows of raw_data equal the source's")
            rows = sum(assert_same_warehouses(*pair).values())
            print(f"{name}: {rows:,} rows of curated and presentation equal, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
