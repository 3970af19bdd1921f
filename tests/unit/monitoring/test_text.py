"""Text that is not ours on a terminal or in a log: nothing steers, nothing hides, no secret shows."""

import io
import json
import re
import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rental_analytics.contracts.events import Note
from rental_analytics.contracts.steps import StepName
from rental_analytics.errors import RentalError
from rental_analytics.monitoring.console import ConsoleListener, SteadyConsole
from rental_analytics.monitoring.events import EventStream
from rental_analytics.monitoring.json_log import JsonLog
from rental_analytics.monitoring.tables import print_table
from rental_analytics.monitoring.text import Secrets, shortened, visible, visible_json

pytestmark = pytest.mark.fast

# What a terminal obeys or does not show, by Unicode's own properties and not by the list that is tested.
STEERING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
HOSTILE = st.text(
    st.sampled_from("a1 |\\[]\n\r\t\x00\x07\x08\x1b\x7f\x80\x9b\x85\u200b\u200e\u202e\u2066\u2028\ufeff\ud800é漢😀"),
    max_size=12,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünï 漢字 😀", "plain, ünï 漢字 😀"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("two\nlines\r\n", "two\\nlines\\r\\n"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("\ufeffa\u2028b\u2066", "\\ufeffa\\u2028b\\u2066"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_what_steers_is_escaped_and_words_stay(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.recursive(st.text() | st.integers(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)))
def test_json_reads_as_the_same_values(value: object) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    for ascii_only in (False, True):
        shown = visible_json(text, ascii_only=ascii_only)
        assert json.loads(shown) == value
        assert not STEERING.search(shown)
        assert not ascii_only or shown.isascii()


def written(terminal: bool) -> tuple[SteadyConsole, io.StringIO]:
    stream = io.StringIO()
    return SteadyConsole(file=stream, force_terminal=terminal, width=60, color_system=None, highlight=False), stream


def assert_steers_nothing(shown: str, lines: int | None = None) -> None:
    assert not STEERING.search(shown), ascii(shown)
    assert lines is None or shown.count("\n") == lines


@given(HOSTILE, HOSTILE)
def test_errors_notes_and_titles_steer_no_terminal(message: str, remedy: str) -> None:
    for terminal in (False, True):
        console, stream = written(terminal)
        console.show(f"Error: {RentalError(message, remedy=remedy)}", style="red")
        ConsoleListener(console).hear(Note(message))
        assert_steers_nothing(stream.getvalue(), lines=2)


@given(st.lists(HOSTILE, min_size=1, max_size=3), HOSTILE, HOSTILE)
def test_tables_steer_no_terminal(values: list[str], name: str, title: str) -> None:
    kept = [text.encode(errors="ignore").decode() for text in values]
    table = pa.table([pa.array(kept), pa.array([[text] for text in kept])], names=[name.encode(errors="ignore"), "b"])
    for terminal in (False, True):
        console, stream = written(terminal)
        print_table(console, table, title or None)
        assert_steers_nothing(stream.getvalue(), lines=None if terminal else len(kept) + 1 + bool(title))


@given(HOSTILE)
def test_a_log_steers_no_terminal(text: str) -> None:
    stream = io.StringIO()
    log = JsonLog(stream, run_id=text)
    log.event(text, message=text)
    log.failure(RentalError(text, remedy=text))
    assert_steers_nothing(stream.getvalue(), lines=2)
    assert json.loads(stream.getvalue().splitlines()[0])["message"] == text


def test_a_label_steers_no_terminal() -> None:
    console, stream = written(terminal=True)
    events = EventStream(ConsoleListener(console))
    with events.work(StepName.EXTRACT, "\x1b]0;title\x07[bold]x[/bold]\u202e") as advance:
        advance(3)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).replace("\r", "")
    assert "extract \\x1b]0;title\\x07[bold]x[/bold]\\u202e" in shown
    assert_steers_nothing(shown)


def test_secrets_are_hidden_in_lines_and_short_ones_are_not() -> None:
    secrets = Secrets()
    for secret in ("hunter2", "hunter2-long", "", "abc"):
        secrets.hide(secret)
    stream = io.StringIO()
    SteadyConsole(secrets, file=stream).show("mysql://u:hunter2-long@h hunter2 abc")
    assert stream.getvalue() == "mysql://u:***@h *** abc\n"
    secrets.forget()
    assert secrets.hidden("hunter2") == "hunter2"


def test_a_long_name_is_shown_by_its_beginning() -> None:
    assert shortened("x" * 5000) == "x" * 120 + "... (5,000 characters)"
    assert shortened("x" * 120) == "x" * 120


def test_lines_of_a_log_begin_with_their_time() -> None:
    console, stream = written(terminal=False)
    console.is_log = True
    console.show("extract: succeeded")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ extract: succeeded\n", stream.getvalue())


def test_rich_draws_with_ascii_where_the_terminal_knows_no_more() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="iso-8859-1", errors="backslashreplace")
    console = SteadyConsole(file=stream, force_terminal=True, width=60, color_system=None)
    print_table(console, pa.table({"a": ["Москва"]}))
    stream.flush()
    shown = stream.buffer.getvalue().decode("iso-8859-1")  # type: ignore[attr-defined]
    assert "\\u041c" in shown
    assert "+" in shown
    assert "\\u2500" not in shown and "\\u2503" not in shown
    assert sys.stdout is not stream
