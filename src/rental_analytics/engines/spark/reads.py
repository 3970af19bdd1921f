"""Rows of a database as a Spark data frame: several statements side by side, counted and numbered on their way."""

from __future__ import annotations

import threading
import uuid
from functools import reduce
from typing import TYPE_CHECKING, Any

from rental_analytics.databases.base import COUNTED, ZERO_DATE, ParallelDatabase, RawColumn
from rental_analytics.databases.conversion import conversions
from rental_analytics.engines.base import Arrival, Selection
from rental_analytics.errors import SourceUnavailableError
from rental_analytics.sql.render import identifier, literal
from rental_analytics.sql.spark import spark_expression

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, DataFrameReader, Observation

_READ = "_read"
_PLACE = "_place"
_ROW_BITS = 33
"""Bits of `monotonically_increasing_id` that number the rows of a partition; those above number the partitions."""
_ROW_MASK = (1 << _ROW_BITS) - 1
_PATIENCE = 300
"""How long to wait, in seconds, for what was counted once the rows have passed; it comes by way of Spark's events."""


class Counted:
    """A query whose rows are counted by the tasks that compute them."""

    def __init__(self, frame: DataFrame) -> None:
        from pyspark.sql import Observation, functions

        self._observation = Observation(uuid.uuid4().hex)
        self.frame = frame.observe(self._observation, functions.count(functions.lit(1)).alias("rows"))

    @property
    def rows(self) -> int:
        """How many there were, once they have passed."""
        return int(observed(self._observation)["rows"])


def observed(observation: Observation) -> dict[str, Any]:
    """What was counted.

    Raises:
        SourceUnavailableError: Spark lost the event that tells.
    """
    found: dict[str, Any] = {}
    waiting = threading.Thread(target=lambda: found.update(observation.get), daemon=True)
    waiting.start()
    waiting.join(_PATIENCE)
    if waiting.is_alive() or not found:
        raise SourceUnavailableError(
            "Spark did not report how many rows it wrote.",
            remedy="run again; if it comes again, raise spark.scheduler.listenerbus.eventqueue.capacity.",
            reason="spark-rows-not-told",
        )
    return found


class JdbcReading:
    """The rows of a selection.

    Args:
        reader: of Spark, for JDBC.
        at_once: how many statements can run at the same time.
        first_row: rows get numbers from here on, in steps of the number of statements; None for no numbers.
    """

    def __init__(
        self,
        reader: DataFrameReader,
        database: ParallelDatabase,
        selection: Selection,
        first_row: int | None,
        at_once: int,
    ) -> None:
        from pyspark.sql import Observation, functions

        self._selection = selection
        self._first_row = first_row
        self._reads = database.reads(
            selection.plan, selection.columns, selection.condition, counted=selection.counted, at_once=at_once
        )
        self._observation = Observation(uuid.uuid4().hex)
        place = functions.monotonically_increasing_id()
        sent = self._sent(reader, database).withColumn(_PLACE, place)
        self.frame = self._numbered(sent.observe(self._observation, *self._observed()))

    def _sent(self, reader: DataFrameReader, database: ParallelDatabase) -> DataFrame:
        """What the statements send, and which of them did."""
        from pyspark.sql import functions

        access = database.access()
        reader = reader.options(url=access.url, sessionInitStatement=access.session, **access.properties)
        frames = [
            reader.option("dbtable", read.relation).load().withColumn(_READ, functions.lit(number))
            for number, read in enumerate(self._reads)
        ]
        present = [column for column in self._selection.columns if column.select]
        counted = [identifier(COUNTED)] if self._selection.counted else []
        casts = [spark_expression(_arriving(database, column)) for column in present]
        return reduce(lambda all_rows, more: all_rows.unionAll(more), frames).selectExpr(
            *casts, *(name.replace('"', "`") for name in [*counted, identifier(_READ)])
        )

    def _observed(self) -> list[Column]:
        """What is counted while the rows pass."""
        from pyspark.sql import functions

        most = functions.max(functions.col(_PLACE).bitwiseAND(_ROW_MASK)) + 1
        wanted = [functions.count(functions.lit(1)).alias("rows"), most.alias("most")]
        for column in self._dated:
            zero = functions.expr(spark_expression(f"CAST({literal(ZERO_DATE)} AS {column.type})"))
            found = functions.when(functions.col(quoted(column.name)) == zero, 1)
            wanted.append(functions.count(found).alias(f"zero {column.name}"))
        if self._selection.counted:
            # A text, since what is observed may be no structure.
            count = functions.concat_ws(":", functions.col(_READ), functions.col(COUNTED).cast("bigint"))
            wanted.append(functions.array_join(functions.collect_set(count), ",").alias("counts"))
        return wanted

    @property
    def _dated(self) -> list[RawColumn]:
        return [column for column in self._selection.columns if column.zero_dates]

    def _numbered(self, sent: DataFrame) -> DataFrame:
        plan = self._selection.plan
        converts = [spark_expression(text) for text in conversions(self._selection.columns, plan.key)]
        if self._first_row is None:
            return sent.selectExpr(*converts)
        row = f"(`{_PLACE}` & {_ROW_MASK}) * {len(self._reads)} + `{_READ}` + {self._first_row}L AS _row_id"
        return sent.selectExpr(*converts, row)

    def tell(self, arrival: Arrival) -> None:
        """Fill in what was seen, once the rows have passed."""
        seen = observed(self._observation)
        arrival.rows = seen["rows"]
        arrival.zero_dates = {
            column.name: seen[f"zero {column.name}"] for column in self._dated if seen[f"zero {column.name}"]
        }
        arrival.next_row = (self._first_row or 0) + (seen["most"] or 0) * len(self._reads)
        if self._selection.counted:
            texts = [text.split(":") for text in seen["counts"].split(",") if text]
            counts = {int(number): int(expected) for number, expected in texts}
            arrival.expected = sum(counts.values())
            arrival.silent = tuple(read.condition for number, read in enumerate(self._reads) if number not in counts)


def numbered_frame(frame: DataFrame, first_row: int, partitions: int) -> DataFrame:
    """Rows with `_row_id`: a number for each, from `first_row` on.

    Args:
        partitions: the number of partitions at most; where there are more, the numbers would meet, and the query fails.
    """
    from pyspark.sql import functions

    place = functions.col("_place")
    partition, row = functions.shiftright(place, _ROW_BITS), place.bitwiseAND((1 << _ROW_BITS) - 1)
    checked = functions.when(partition < partitions, partition).otherwise(
        functions.raise_error(functions.lit(f"more than {partitions} partitions")).cast("bigint")
    )
    numbered = frame.withColumn("_place", functions.monotonically_increasing_id())
    number = row * partitions + checked + functions.lit(first_row).cast("bigint")
    return numbered.withColumn("_row_id", number).drop("_place")


def _arriving(database: ParallelDatabase, column: RawColumn) -> str:
    name, kind = identifier(column.name), database.arrives_as(column)
    return f"CAST({name} AS {kind}) AS {name}" if kind else name


def quoted(name: str) -> str:
    """A column's name as Spark quotes it."""
    return "`" + name.replace("`", "``") + "`"
