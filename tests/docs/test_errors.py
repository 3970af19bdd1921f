"""The page of errors names every error for users, and every remedy is done by a test."""

from __future__ import annotations

import inspect
import re
from collections import defaultdict

import pytest

from docs.remedies_not_yet import NOT_YET
from generators.error_sites import ErrorSite, error_classes, error_sites, remedies_tested
from rental_analytics import errors
from rental_analytics.monitoring.streams import OutputError
from rental_marketplace.errors import MarketplaceError

pytestmark = pytest.mark.fast


def by_reason() -> dict[str, list[ErrorSite]]:
    sites = defaultdict[str, list[ErrorSite]](list)
    for site in error_sites():
        if site.reason:
            sites[site.reason].append(site)
    return sites


def test_classes_found_are_those_of_the_program() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.RentalError)]
    found = {name: (kind.exit_code, kind.transient) for name, kind in error_classes().items()}
    expected = {kind.__name__: (kind.exit_code, kind.transient) for kind in (*kinds, MarketplaceError, OutputError)}
    assert expected.items() <= found.items()


def test_places_are_found_through_helpers() -> None:
    places = {site.reason: site for site in error_sites() if site.file == "rental_analytics/runners/glue_arguments.py"}
    assert places["job-argument-missing"].message == "The argument --{name} is missing."
    assert places["job-backfill-incomplete"].error.exit_code == 2
    assert len(error_sites()) > 200


def test_every_place_says_what_happened_and_what_to_do() -> None:
    silent = [site.place for site in error_sites() if not (site.message.strip() and site.remedy.strip())]
    assert silent == []


def test_reasons_are_names() -> None:
    odd = [
        f"{site.place}: {site.reason}"
        for site in error_sites()
        if not re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", site.reason)
    ]
    assert odd == []


def test_a_reason_means_one_thing() -> None:
    """The same exit code wherever it is given, and the same answer to whether another try may help."""
    kinds = {
        reason: {(site.error.exit_code, site.error.transient) for site in sites}
        for reason, sites in by_reason().items()
    }
    assert {reason: found for reason, found in kinds.items() if len(found) > 1} == {}


def test_every_remedy_is_done_by_a_test() -> None:
    untested = by_reason().keys() - remedies_tested().keys() - NOT_YET
    assert sorted(untested) == [], "mark a test that does the remedy with @pytest.mark.remedy(reason)"


def test_what_is_done_by_a_test_is_not_said_to_be_missing() -> None:
    assert sorted(NOT_YET & remedies_tested().keys()) == [], "remove it from tests/docs/remedies_not_yet.py"
    assert sorted(NOT_YET - by_reason().keys()) == [], "there is no such reason (any more)"


def test_tests_of_remedies_name_reasons_there_are() -> None:
    assert sorted(remedies_tested().keys() - by_reason().keys()) == []
