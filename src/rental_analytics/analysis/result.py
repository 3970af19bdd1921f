"""The rows of an answer, as the libraries of analysts take them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from rental_analytics.errors import ConfigurationError, number_of
from rental_analytics.monitoring.tables import plain_lines
from rental_analytics.monitoring.values import cell, column_values, table_records

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_SHOWN = 20


class Result:
    """Rows, all of them in memory. Whatever takes Arrow, such as polars, DuckDB or Altair, takes it as it is."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return list(self._table.column_names)

    def arrow(self) -> pa.Table:
        """An Arrow table. Money is DECIMAL in it, to the cent."""
        return self._table

    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries: money is `decimal.Decimal`, NULL is None."""
        return table_records(self._table)

    def pandas(self, *, exact: bool = False) -> pd.DataFrame:
        """A pandas DataFrame.

        Whole numbers and truth values have pandas' types that know NULL (`Int64`, `boolean`), and dates and moments are
        `datetime64`. pandas has no decimals of its own: they become `float64`, which pictures and statistics need and
        which is exact to about 15 digits.

        Args:
            exact: leave decimals as `decimal.Decimal`, in columns of type `object`.

        Raises:
            ConfigurationError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise _missing("pandas") from error
        import pyarrow as pa

        table = self._table if exact else _with_floats(self._table)
        # The same type whether or not this answer has a NULL in the column; else ids of 19 digits would become floats.
        kinds = {
            pa.int16(): pd.Int16Dtype(),
            pa.int32(): pd.Int32Dtype(),
            pa.int64(): pd.Int64Dtype(),
            pa.bool_(): pd.BooleanDtype(),
        }
        return table.to_pandas(types_mapper=kinds.get, date_as_object=False)

    def polars(self) -> pl.DataFrame:
        """A polars DataFrame, with decimals as they are.

        Raises:
            ConfigurationError: polars is not installed.
        """
        try:
            import polars as pl
        except ImportError as error:
            raise _missing("polars") from error
        frame = pl.from_arrow(self._table)
        assert isinstance(frame, pl.DataFrame)
        return frame

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows in the form in which libraries hand Arrow to one another."""
        return self._table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return "\n".join([*plain_lines(self._table.slice(0, _SHOWN)), self._size])

    def _repr_html_(self) -> str:
        """What Jupyter shows: the first rows."""
        shown = self._table.slice(0, _SHOWN)
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        cells = zip(*(map(cell, column_values(column)) for column in shown.columns), strict=True)
        rows = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in cells)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p>{escape(self._size)}</p>"

    @property
    def _size(self) -> str:
        rows = number_of(len(self), "row")
        return rows if len(self) <= _SHOWN else f"{rows}, of which {_SHOWN} are shown"


def _with_floats(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    for place, kind in enumerate(table.schema.types):
        if pa.types.is_decimal(kind):
            table = table.set_column(place, table.schema.names[place], table.column(place).cast(pa.float64()))
    return table


def _missing(package: str) -> ConfigurationError:
    return ConfigurationError(
        f"This needs the package {package}, which is not installed.",
        remedy="run `make notebooks`, or `pip install '.[notebooks]'`, in the folder of the project.",
        reason="analysis-package-missing",
    )
