"""A tiny marketplace, a folder configured for it, a folder where it was loaded, and `rental` called in this process."""

import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Protocol

import pytest

from cli.program import Result, rental_process
from rental_analytics.cli import main
from rental_marketplace import MarketplaceOptions, generate

SMALL = MarketplaceOptions(listings=30, bookings=120, viewings=150, end_date=date(2024, 3, 31))
CONFIGURATION = """\
[source]
url = "sqlite:///marketplace.db"
[engine]
threads = 1
[reference]
exchange_rates = "rates.csv"
"""
RATES = "rate_date,currency,usd_per_unit\n" + "".join(
    f"2020-01-01,{currency},{rate}\n"
    for currency, rate in {"EUR": 1.1, "GBP": 1.3, "CAD": 0.75, "CHF": 1.05, "JPY": 0.007}.items()
)


class Rental(Protocol):
    """Runs `rental` in a folder, like `rental_process`, but in this process."""

    def __call__(self, folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Result: ...


@pytest.fixture(autouse=True)
def _listening() -> Iterator[None]:
    """A shell that runs the tests in the background lets them ignore Ctrl-C, and so would the programs they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def rental(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rental:
    def call(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(sys, "argv", ["rental", *arguments])
            # Restored by `patch`; Typer sets it.
            patch.setattr(sys, "excepthook", sys.excepthook)
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as stop:
                main()
        shown = capsys.readouterr()
        return Result.of(int(stop.value.code or 0), shown.out, shown.err)

    return call


@pytest.fixture(scope="session")
def _marketplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("marketplace") / "marketplace.db"
    generate(f"sqlite:///{path}", SMALL)
    return path


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """A folder with a configuration for `sqlite:///marketplace.db`, which is not there."""
    (tmp_path / "rental.toml").write_text(CONFIGURATION)
    (tmp_path / "rates.csv").write_text(RATES)
    return tmp_path


@pytest.fixture
def folder(configured: Path, _marketplace: Path) -> Path:
    """A configured folder with its marketplace, before the first run."""
    shutil.copy(_marketplace, configured / "marketplace.db")
    return configured


@pytest.fixture(scope="session")
def _loaded(tmp_path_factory: pytest.TempPathFactory, _marketplace: Path) -> Path:
    folder = tmp_path_factory.mktemp("loaded")
    (folder / "rental.toml").write_text(CONFIGURATION)
    (folder / "rates.csv").write_text(RATES)
    shutil.copy(_marketplace, folder / "marketplace.db")
    rental_process(folder, "run", "--run-id", "first").ok()
    return folder


@pytest.fixture
def loaded(tmp_path: Path, _loaded: Path) -> Path:
    """A folder after its first run, named `first`."""
    return Path(shutil.copytree(_loaded, tmp_path / "loaded"))
