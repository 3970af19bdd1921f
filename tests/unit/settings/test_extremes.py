"""Whatever stands in a configuration: valid settings, or one error of configuration that shows no value."""

import os
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rental_analytics.errors import ConfigurationError
from rental_analytics.settings import Settings, load_settings, parse_duration, parse_settings

pytestmark = pytest.mark.fast

MINIMAL = '[source]\nurl = "sqlite:///m.db"\n'
KEYS = [
    f"{section}.{key}"
    for section, field in Settings.model_fields.items()
    if section not in {"folder", "tables"}
    for key in field.annotation.model_fields  # type: ignore[union-attr]
] + ["tables.bookings.mode", "tables.bookings.schema_drift", "tables.x.y.z", "source.url.x", "nothing.x", "folder.x"]
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([10**4, 10**9, 10**12, 2**31, 2**63, 10**18, 10**30, 10**400, -1, 0]),
    st.floats(),
)
UNITS = st.sampled_from(["", " seconds", " minutes", " hours", " days", "GB", "TB", "KiB", " MB"])
TEXTS = st.one_of(
    st.text(max_size=30),
    st.builds(lambda number, unit: f"{number}{unit}", NUMBERS, UNITS),
    st.sampled_from(
        ["P999999999D", "PT1E400S", "nan", "inf", "-inf", "1e400", "9" * 5000, "x" * 10_000, "\x00", "٣ days"]
    ),
)


def given_settings(text: str, *overrides: str) -> Settings | None:
    try:
        settings = parse_settings(text, "rental.toml", Path("/folder"), overrides)
    except ConfigurationError as error:
        assert error.reason
        assert "\n" not in str(error)
        assert len(str(error)) < 2_000
        return None
    assert isinstance(settings, Settings)
    assert timedelta(0) <= settings.source.overlap <= timedelta(days=3660)
    assert 0 <= settings.quality.max_rejected_share <= 1
    assert settings.engine.threads is None or 1 <= settings.engine.threads <= max(64, 8 * (os.cpu_count() or 1))
    return settings


@given(st.sampled_from(KEYS), TEXTS)
def test_any_text_behind_set(key: str, value: str) -> None:
    given_settings(MINIMAL, f"{key}={value}")


@given(st.lists(st.text(max_size=40), max_size=3))
def test_any_override(overrides: list[str]) -> None:
    given_settings(MINIMAL, *overrides)


VALUES = st.recursive(
    st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(), st.booleans(), st.text(max_size=10), st.dates()),
    lambda part: st.one_of(
        st.lists(part, max_size=2), st.dictionaries(st.from_regex(r"\A[a-z]{1,5}\Z"), part, max_size=2)
    ),
    max_leaves=4,
)


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(mark):08x}" for mark in value if not 0xD800 <= ord(mark) < 0xE000) + '"'
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(part)}" for key, part in value.items()) + "}"
    return str(value)


@given(st.sampled_from(KEYS), VALUES)
def test_any_value_in_the_file(key: str, value: Any) -> None:
    section, _, name = key.partition(".")
    text = f"[{section}]\n{name} = {toml(value)}\n" + ("" if section == "source" else MINIMAL)
    tomllib.loads(text)
    given_settings(text)


@given(st.text(max_size=60))
def test_any_text_as_the_file(text: str) -> None:
    given_settings(text)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("engine.threads=100000", "than the "),
        ("source.overlap=999999999999", "ten years"),
        ("source.overlap=99999999999999999 days", "duration"),
        ("lake.lock_expiry=999999999 days", "ten years"),
        ("lake.lock_expiry=0", "1 second"),
        ("retries.first_wait=P9999999D", "ten years"),
        ("warehouse.statement_timeout=inf", "not a duration"),
        ("engine.memory=99999999TB", "from 32MB to 1000TB"),
        ("engine.memory=1KB", "from 32MB to 1000TB"),
        ("retries.attempts=10000000", "less than or equal to 1000"),
        ("quality.max_rejected_share=inf", "finite"),
        ("quality.min_rejected_rows=1" + "0" * 40, "less than or equal"),
        ("source.url=sqlite:///a\x00b", "control character"),
        ("source.password=hunter2\n", "control character"),
        ("lake.url=" + "x" * 5000, "longer than 4,096"),
    ],
)
def test_values_beyond_all_bounds(override: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Remedy: ") as caught:
        parse_settings(MINIMAL, "rental.toml", Path("/folder"), [override])
    assert caught.value.exit_code == 2
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"--set {override.partition('=')[0]}: ")
    assert "hunter2" not in str(caught.value)


def test_values_at_the_bounds() -> None:
    most = max(64, 8 * (os.cpu_count() or 1))
    settings = parse_settings(
        MINIMAL,
        "rental.toml",
        Path("/folder"),
        [f"engine.threads={most}", "source.overlap=3660 days", "engine.memory=1000TB", "lake.lock_expiry=1"],
    )
    assert settings.engine.threads == most
    assert settings.source.overlap == timedelta(days=3660)


@given(st.text(max_size=20))
def test_any_age(text: str) -> None:
    try:
        assert timedelta(0) <= parse_duration(text, "--max-age") <= timedelta(days=3660)
    except ConfigurationError as error:
        assert error.reason == "duration-malformed"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_files_of_other_editors(tmp_path: Path, mark: str, ending: str) -> None:
    (tmp_path / "rental.toml").write_bytes((mark + MINIMAL.replace("\n", ending)).encode())
    assert load_settings(tmp_path / "rental.toml").source.url == "sqlite:///m.db"


@pytest.mark.remedy("configuration-not-utf8")
@pytest.mark.parametrize(
    ("encoding", "said"), [("utf-16", "UTF-16"), ("utf-16-be", "TOML"), ("latin-1", "another encoding")]
)
def test_other_encodings_are_one_line(tmp_path: Path, encoding: str, said: str) -> None:
    file = tmp_path / "rental.toml"
    text = MINIMAL + "# für Gäste\n"
    file.write_bytes(text.encode(encoding))
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    file.write_bytes(text.encode("utf-8"))
    assert load_settings(file)
