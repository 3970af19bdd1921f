"""The metric once more, slow and obvious, from its definition alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from metrics.marketplace import CALENDAR_START, Marketplace, Row, days, first_of_month, rounded_half_up


def rows(marketplace: Marketplace) -> list[Row]:
    stays = [booking for booking in marketplace.all_bookings if booking.is_confirmed]
    starts = [stay.checkin_date for stay in stays]
    starts += [version.valid_from.date() for version in marketplace.versions]
    booked_nights: dict[date, int] = defaultdict(int)
    available_nights: dict[date, int] = defaultdict(int)
    months: list[date] = []
    for day in days(max(min(starts, default=marketplace.as_of), CALENDAR_START), marketplace.as_of):
        month = first_of_month(day)
        booked = {stay.listing_id for stay in stays if stay.checkin_date <= day < stay.checkout_date}
        available = booked | set(marketplace.active_listings_at_end_of(day))
        booked_nights[month] += len(booked)
        available_nights[month] += len(available)
        if month not in months and (months or available):
            months.append(month)
    return [
        (
            month,
            booked_nights[month],
            available_nights[month],
            rounded_half_up(booked_nights[month], available_nights[month], 6),
        )
        for month in months
    ]
