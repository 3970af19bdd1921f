"""Rows of a database as a Spark data frame: several statements side by side, counted and numbered on their way."""

from __future__ import annotations

import uuid
from functools import reduce
from typing import TYPE_CHECKING

from rental_analytics.databases.base import COUNTED, ZERO_DATE, ParallelDatabase, RawColumn
from rental_analytics.engines.session import Arrival, Selection
from rental_analytics.engines.spark_sql import spark_expression
from rental_analytics.sql.conversion import conversions
from rental_analytics.sql.render import identifier, literal

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, DataFrameReader

_READ = "_read"
_ROW_BITS = 33
"""Bits of `monotonically_increasing_id` that number the rows of a partition; those above number the partitions."""


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
        from pyspark.sql import Observation

        self._selection = selection
        self._first_row = first_row
        self._reads = database.reads(
            selection.plan, selection.columns, selection.condition, counted=selection.counted, at_once=at_once
        )
        self._observation = Observation(uuid.uuid4().hex)
        sent = self._sent(reader, database).observe(self._observation, *self._observed())
        self.frame = self._numbered(sent)

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

        wanted = [functions.count(functions.lit(1)).alias("rows")]
        for column in self._dated:
            zero = functions.expr(spark_expression(f"CAST({literal(ZERO_DATE)} AS {column.type})"))
            found = functions.when(functions.col(_quoted(column.name)) == zero, 1)
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
        from pyspark.sql import functions

        plan = self._selection.plan
        converts = [spark_expression(text) for text in conversions(self._selection.columns, plan.key)]
        if self._first_row is None:
            return sent.selectExpr(*converts)
        place = sent.withColumn("_place", functions.monotonically_increasing_id())
        row = f"(`_place` & {(1 << _ROW_BITS) - 1}) * {len(self._reads)} + `{_READ}` + {self._first_row}L AS _row_id"
        return place.selectExpr(*converts, row)

    def tell(self, arrival: Arrival) -> None:
        """Fill in what was seen, once the rows have passed."""
        seen = self._observation.get
        arrival.rows = seen["rows"]
        arrival.zero_dates = {
            column.name: seen[f"zero {column.name}"] for column in self._dated if seen[f"zero {column.name}"]
        }
        # No partition has more rows than all have.
        arrival.next_row = (self._first_row or 0) + arrival.rows * len(self._reads)
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


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
