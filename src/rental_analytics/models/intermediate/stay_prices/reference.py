"""The model once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from datetime import date

from metrics.marketplace import DAY, Marketplace, Row, first_of_month


def rows(marketplace: Marketplace) -> list[Row]:
    found: list[Row] = []
    for stay in marketplace.all_bookings:
        if stay.is_confirmed and stay.checkin_date <= marketplace.as_of:
            end = min(stay.checkout_date, marketplace.as_of + DAY)
            if end == stay.checkout_date and lies_in_a_month(stay.checkin_date, end):
                continue
            spread = divmod(int(stay.reporting_total_price * 100), stay.stay_nights)
            found.append(("now", stay.booking_id, stay.booked_at, stay.listing_id, stay.checkin_date, end, *spread))
    for version, _, _ in marketplace.confirmed_versions():
        checkin, checkout = version.stay
        if lies_in_a_month(checkin, checkout):
            continue
        assert version.reporting_total_price is not None
        spread = divmod(int(version.reporting_total_price * 100), (checkout - checkin).days)
        found.append(("version", version.booking_id, version.valid_from, None, checkin, checkout, *spread))
    return found


def lies_in_a_month(checkin: date, checkout: date) -> bool:
    return first_of_month(checkin) == first_of_month(checkout - DAY)
