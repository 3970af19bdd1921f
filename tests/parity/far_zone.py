"""Shows moments as Spark gives them to a program whose machine is in another time zone; run by test_time_zones.py."""

import sys
from pathlib import Path

from parity.cells import tables
from parity.engines import open_session
from rental_analytics.engines.spark.engine import SparkEngine
from rental_analytics.settings import find_java

if __name__ == "__main__":
    find_java()
    engine = SparkEngine("local[1]")
    engine.options["spark.driver.extraJavaOptions"] += f" -Duser.timezone={sys.argv[1]} -XX:TieredStopAtLevel=1"
    engine.options["spark.sql.session.timeZone"] = sys.argv[1]
    with open_session(engine, Path(sys.argv[2])) as session:
        session.load("moments", tables()["moments"])
        for query in sys.stdin.read().splitlines():
            sys.stdout.write(f"{session.run(query)}\n")
    engine.close()
