"""How a SQLite column travels, and what it becomes: one raw column from what is declared and what is wanted."""

from __future__ import annotations

import re

from rental_analytics.contracts.source_table import SourceType
from rental_analytics.databases import conversion
from rental_analytics.databases.base import ColumnOrigin, RawColumn, quoted_text

_KINDS_OF_IDS = {SourceType.ID: SourceType.INTEGER}
_NUMBERS = {SourceType.INTEGER, SourceType.DECIMAL, SourceType.FLOAT, SourceType.BOOLEAN}
_MOMENTS = {"DATE", "TIMESTAMP"}
# Of a decimal that is declared without places.
_PLACES = 10
_DECIMAL = f"DECIMAL(38,{_PLACES})"
# Stands before a REAL that travels to a decimal: its digits do not say which decimal it is, those of a text do.
_REAL_MARK = "\x02"
# Stands before a key of another storage class than that of other rows.
_MIXED_MARK = "\x02\x03"
# From here on a REAL needs its 15 reliable digits before the point, and is itself a decimal of three places at most.
_LONG_FROM = 10**15
_NOISE = "4e-16"
"""Of a REAL: what a calculation may be off by, two to four units in its last place."""
# What is outside, SQLite does not write with all of its digits right.
_EXACT_REALS = "BETWEEN 1e-80 AND 1e118"
_WHOLE = r"^\s*[+-]?[0-9]+\s*$"
_PLAIN_WHOLE = "^(0|-?[1-9][0-9]*)$"
_PLAIN_DECIMAL = r"^(0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9])$"
_NUMBER = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_NUMBER_OR_INFINITE = rf"{_NUMBER}|^[+-]?Inf$"
_PLAIN_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PLAIN_MOMENT = rf"{_PLAIN_DATE} ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{6}})?"
_KEY_FORMS = {
    "DATE": "DATE written as 2026-01-31",
    "TIMESTAMP": "TIMESTAMP written as 2026-01-31 10:00:00 or 2026-01-31 10:00:00.000001",
}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def sqlite_column(origin: ColumnOrigin, wanted: SourceType) -> RawColumn | None:
    """How a column travels and arrives, or None where its declared type cannot serve as what is wanted.

    Rows are told apart by the columns of a key: no two texts of one may become one value.
    """
    native, source = origin.column.native, quoted(origin.column.name)
    kind = _kind_of_id(native) if wanted is SourceType.TEXT_ID else _kind(native, _KINDS_OF_IDS.get(wanted, wanted))
    if kind is None:
        return None
    selected = _selected(source, native, kind, is_key=origin.is_key, is_id=wanted.is_id)
    if origin.is_key:
        selected = _of_one_class(origin, selected)
    reason = conversion.ID_NOT_INTEGER if wanted is SourceType.ID else conversion.NOT_OF_TYPE
    return RawColumn(origin.name, kind, selected, _convert(origin, kind, reason))


def _of_one_class(origin: ColumnOrigin, selected: str) -> str:
    """A key that SQLite tells from all others by its storage class alone: 5, '5' and x'35' are three keys.

    Where a column holds several classes, the texts and blobs are marked, and stop the run. A whole number and a REAL
    are compared as numbers and count as one class.
    """
    source = quoted(origin.column.name)
    marked = f"char({', '.join(str(ord(letter)) for letter in _MIXED_MARK)}) || quote({source})"
    others = " OR ".join(
        f"typeof({source}) = {quoted_text(kind)} AND EXISTS "
        f"(SELECT 1 FROM {quoted(origin.relation)} WHERE typeof({source}) NOT IN ('null', {quoted_text(kind)}))"
        for kind in ("text", "blob")
    )
    return f"CASE WHEN {others} THEN {marked} ELSE {selected} END"


def _selected(source: str, native: str, kind: str, *, is_key: bool, is_id: bool) -> str:
    if native == "blob" and kind == "VARCHAR":
        return f"hex({source})"
    if kind in _MOMENTS:
        return f"CAST({source} AS TEXT)"
    # SQLite writes 15 digits of a REAL, which may be another number; 17 tell it from all others.
    real = (
        f"CASE WHEN CAST(CAST({source} AS TEXT) AS REAL) = {source} THEN CAST({source} AS TEXT) "
        f"ELSE printf('%!.17g', {source}) END"
    )
    if kind in {"BIGINT", "SMALLINT", "BOOLEAN"} or (is_id and kind == "VARCHAR"):
        whole = f"CAST({source} AS INTEGER)"
        real = f"CASE WHEN {whole} = {source} THEN CAST({whole} AS TEXT) ELSE {real} END"
    elif kind.startswith("DECIMAL") or (kind == "DOUBLE" and is_key):
        real = f"char({ord(_REAL_MARK)}) || {real}"
    return f"CASE WHEN typeof({source}) = 'real' THEN {real} ELSE CAST({source} AS TEXT) END"


def _kind(native: str, wanted: SourceType) -> str | None:
    """Exact type from the declared one; where the declaration leaves it open, from what the contract wants."""
    if wanted is SourceType.BOOLEAN:
        return "BOOLEAN"
    if wanted in {SourceType.DATE, SourceType.TIMESTAMP}:
        return "DATE" if native == "date" else "TIMESTAMP" if _is_moment(native) else _undeclared(wanted)
    if match := re.match(r"(?:decimal|numeric)\s*\((\d+)\s*(?:,\s*(\d+)\s*)?\)", native):
        digits, places = int(match[1]), int(match[2] or 0)
        return f"DECIMAL({digits},{places})" if 1 <= digits <= 38 and places <= digits else None
    if native.startswith(("decimal", "numeric")):
        return _DECIMAL
    if "int" in native or native == "boolean":
        return "BIGINT" if wanted in _NUMBERS or "(1)" not in native else "SMALLINT"
    if any(word in native for word in ("real", "floa", "doub")):
        return None if wanted is SourceType.INTEGER else "DOUBLE"
    if _is_moment(native) or native == "date":
        return None if wanted in _NUMBERS else "DATE" if native == "date" else "TIMESTAMP"
    return _undeclared(wanted)


def _kind_of_id(native: str) -> str | None:
    """Of an id that is a text: any but what is declared as a number with a fraction, or as a moment."""
    kind = _kind(native, SourceType.TEXT)
    if kind in {"BIGINT", "SMALLINT"} or (kind or "").endswith(",0)") or native in {"decimal", "numeric"}:
        return "VARCHAR"
    return "VARCHAR" if kind == "VARCHAR" else None


def _is_moment(native: str) -> bool:
    return native.startswith(("datetime", "timestamp"))


def _undeclared(wanted: SourceType) -> str:
    kinds = {
        SourceType.INTEGER: "BIGINT",
        SourceType.DECIMAL: _DECIMAL,
        SourceType.FLOAT: "DOUBLE",
        SourceType.DATE: "DATE",
        SourceType.TIMESTAMP: "TIMESTAMP",
        SourceType.TIME: "BIGINT",
    }
    return kinds.get(wanted, "VARCHAR")


def _convert(origin: ColumnOrigin, kind: str, reason: str) -> str:
    place, name = origin.place, origin.name
    converted = _converted(place, name, kind, reason, is_key=origin.is_key)
    if not origin.is_key:
        return converted
    value = conversion.quoted(name)
    stop = conversion.stop_at_value(
        name, "key of the storage class that other keys have", place, f"SUBSTR({value}, {len(_MIXED_MARK) + 1})"
    )
    return f"CASE WHEN STARTS_WITH({value}, {_characters(_MIXED_MARK)}) THEN {stop} ELSE {converted} END"


def _converted(place: str, name: str, kind: str, reason: str, *, is_key: bool) -> str:
    if kind == "VARCHAR":
        return conversion.passed(name)
    if kind in _MOMENTS:
        told = _KEY_FORMS[kind] if is_key else kind
        return conversion.strict(name, told, place, _moment(name, kind, is_key=is_key))
    # '5' and '05' are two keys of the source and would be one of the lake.
    told = f"{kind} in plain digits" if is_key else kind
    shown = f"LTRIM({conversion.quoted(name)}, {_characters(_REAL_MARK)})"
    if kind.startswith("DECIMAL"):
        return conversion.strict(name, told, place, _exact(name, kind, is_key=is_key), shown, reason)
    if kind == "DOUBLE":
        return conversion.strict(name, told, place, _double(name, is_key=is_key), shown)
    pattern = _PLAIN_WHOLE if is_key else _WHOLE
    number = conversion.matched(name, pattern, f"TRY_CAST({conversion.quoted(name)} AS BIGINT)")
    if kind == "BOOLEAN":
        return conversion.strict(name, told, place, f"CASE {number} WHEN 1 THEN TRUE WHEN 0 THEN FALSE END")
    return conversion.strict(name, told, place, f"TRY_CAST({number} AS {kind})", reason=reason)


def _characters(text: str) -> str:
    """Control characters in DuckDB's SQL."""
    return " || ".join(f"CHR({ord(letter)})" for letter in text)


def _moment(name: str, kind: str, *, is_key: bool) -> str:
    """A text with an offset is brought to UTC; one without is UTC. A key has one form only."""
    text = conversion.quoted(name)
    # One with a zone's name would set the zone of the texts after it.
    plain = f"CASE WHEN NOT REGEXP_MATCHES({text}, '[A-Za-z]{{2}}') THEN {text} END"
    if is_key:
        form = _PLAIN_DATE if kind == "DATE" else _PLAIN_MOMENT
        plain = f"CASE WHEN REGEXP_FULL_MATCH({text}, '{form}') AND NOT ENDS_WITH({text}, '.000000') THEN {text} END"
    moment = f"TIMEZONE('UTC', TRY_CAST({plain} AS TIMESTAMPTZ))"
    # Windows and watermarks are moments of Python, which knows these years only.
    return f"CASE WHEN YEAR({moment}) BETWEEN 1 AND 9999 THEN CAST({moment} AS {kind}) END"


def _double(name: str, *, is_key: bool) -> str:
    text = conversion.quoted(name)
    if not is_key:
        return conversion.matched(name, _NUMBER_OR_INFINITE, f"TRY_CAST({text} AS DOUBLE)")
    number, real = f"TRY_CAST({text} AS DOUBLE)", f"TRY_CAST(SUBSTR({text}, 2) AS DOUBLE)"
    same = f"CASE WHEN CAST({number} AS VARCHAR) IN ({text}, {text} || '.0') THEN {number} END"
    return (
        f"CASE WHEN NOT STARTS_WITH({text}, {_characters(_REAL_MARK)}) "
        f"THEN {conversion.matched(name, _PLAIN_DECIMAL, same)} "
        f"WHEN {real} = 0 OR ABS({real}) {_EXACT_REALS} THEN {real} END"
    )


def _exact(name: str, kind: str, *, is_key: bool) -> str:
    """The decimal that a text or a REAL is; NULL where it has more places than the type."""
    places = int(kind.rstrip(")").split(",")[1])
    real = _exact_real(name, kind, places, is_key=is_key)
    written = _exact_text(name, kind, places, is_key=is_key)
    return f"CASE WHEN STARTS_WITH({conversion.quoted(name)}, {_characters(_REAL_MARK)}) THEN {real} ELSE {written} END"


def _exact_real(name: str, kind: str, places: int, *, is_key: bool) -> str:
    """The decimal of the fewest digits that reads as a REAL."""
    sent = f"SUBSTR({conversion.quoted(name)}, 2)"
    # Most have 15 digits at most and are what these say. A text becomes a decimal of 18 digits fast, a wider one slow.
    narrow = min(places, 9)
    form = rf"^-?[0-9]{{1,{18 - narrow}}}\.[0-9]{{0,{narrow}}}0*$"
    short = f"LENGTH({sent}) <= 16 AND REGEXP_MATCHES({sent}, '{form}')"
    said = f"TRY_CAST(TRY_CAST({sent} AS DECIMAL(18,{narrow})) AS {kind})"
    number = f"TRY_CAST({sent} AS DOUBLE)"
    fraction = f"CAST(CAST({number} - TRUNC({number}) AS VARCHAR) AS {kind})"
    long = f"TRY(CAST(CAST(TRUNC({number}) AS DECIMAL(38,0)) AS {kind}) + {fraction})"
    fewest = f"TRY_CAST({_without_exponent(number)} AS {kind})"
    nearest = f"WHEN ABS({number}) >= {_LONG_FROM} THEN TRY_CAST({long} AS {kind}) ELSE {fewest}"
    if kind != _DECIMAL and places <= 15:
        # Where 15 digits reach that far, one decimal alone can be meant.
        rounded = f"TRY_CAST(TRY_CAST({number} AS DECIMAL(18,{places})) AS {kind})"
        nearest = f"WHEN ABS({number}) < 1e{15 - places} THEN {rounded} {nearest}"
    nearest = f"CASE {nearest} END"
    # It must read as the same REAL, or as one so near that a sum of a few decimals may have missed it. Where no places
    # are declared, what may be the result of a calculation is rounded.
    back = f"TRY_CAST(CAST({nearest} AS VARCHAR) AS DOUBLE)"
    same = f"{back} = {number}" if is_key else f"ABS({back} - {number}) <= ABS({number}) * {_NOISE}"
    if kind != _DECIMAL or is_key:
        nearest = f"CASE WHEN {same} THEN {nearest} END"
    return f"CASE WHEN {short} THEN {said} ELSE {nearest} END"


def _without_exponent(number: str) -> str:
    """The digits of a DOUBLE below `_LONG_FROM`; a cast of 6.1e-09 needs room for the 6 before the point."""
    text = f"CAST({number} AS VARCHAR)"
    digits = f"REPLACE(LTRIM(SPLIT_PART({text}, 'e-', 1), '-'), '.', '')"
    zeros = f"REPEAT('0', CAST(SPLIT_PART({text}, 'e-', 2) AS BIGINT) - 1)"
    sign = f"CASE WHEN {number} < 0 THEN '-' ELSE '' END"
    return f"CASE WHEN CONTAINS({text}, 'e-') THEN {sign} || '0.' || {zeros} || {digits} ELSE {text} END"


def _exact_text(name: str, kind: str, places: int, *, is_key: bool) -> str:
    """The decimal that a text is, which may have zeros behind its places, and an exponent where none are declared."""
    text = conversion.quoted(name)
    cast = f"TRY_CAST({text} AS {kind})"
    if is_key:
        fraction = rf"|-?(0|[1-9][0-9]*)\.[0-9]{{0,{places - 1}}}[1-9]" if places else ""
        return conversion.matched(name, f"^(0|-?[1-9][0-9]*{fraction})$", cast)
    form = rf"^\s*[+-]?([0-9]+|[0-9]*\.[0-9]{{0,{places}}}0*)\s*$"
    written = conversion.matched(name, form, cast)
    if kind != _DECIMAL:
        return written
    digits = rf"LENGTH(REGEXP_EXTRACT({text}, '\.([0-9]*?)0*[eE]', 1))"
    exponent = f"TRY_CAST(REGEXP_EXTRACT({text}, '[eE]([+-]?[0-9]+)', 1) AS BIGINT)"
    fits = f"CASE WHEN {digits} - {exponent} <= {places} THEN {cast} END"
    return f"COALESCE({written}, {conversion.matched(name, _NUMBER, fits)})"
