"""The quality rules of the design as SQL: which source rows break each."""

CURRENCIES = "('USD', 'EUR', 'GBP', 'CAD', 'CHF', 'JPY')"
STATUSES = "('pending', 'confirmed', 'completed', 'checked out', 'canceled', 'cancelled')"
UNKNOWN_CURRENCY = f"currency IS NULL OR upper(trim(currency)) NOT IN {CURRENCIES}"

BROKEN: dict[str, dict[str, str]] = {
    "apartments": {
        "missing_key": "id IS NULL",
        "price_not_positive": "price IS NULL OR price <= 0",
        "unknown_currency": UNKNOWN_CURRENCY,
        "missing_created_at": "listing_created_on IS NULL",
        "value_out_of_range": "listing_created_on < '1678-01-01'",
        "modified_before_created": "last_modified_timestamp < listing_created_on",
        "modified_in_future": "last_modified_timestamp > '2050-01-01'",
    },
    "apartment_attributes": {
        "missing_key": "id IS NULL",
        "coordinates_out_of_range": "abs(latitude) > 90 OR abs(longitude) > 180",
        "missing_city": "cityname IS NULL OR trim(cityname) = ''",
    },
    "user_viewing": {
        "missing_listing": "apartment_id IS NULL",
        "missing_viewed_at": "viewed_at IS NULL",
        "viewed_in_future": "viewed_at > '2050-01-01'",
    },
    "bookings": {
        "missing_key": "booking_id IS NULL",
        "missing_user": "user_id IS NULL",
        "missing_listing": "apartment_id IS NULL",
        "missing_booked_at": "booking_date IS NULL",
        "missing_stay_dates": "checkin_date IS NULL OR checkout_date IS NULL",
        "checkout_not_after_checkin": "checkout_date <= checkin_date",
        "stay_longer_than_year": "checkout_date - checkin_date > 365",
        "negative_price": "total_price < 0",
        "missing_price": "total_price IS NULL",
        "unknown_currency": UNKNOWN_CURRENCY,
        "unknown_status": f"booking_status IS NULL OR lower(trim(booking_status)) NOT IN {STATUSES}",
        "value_out_of_range": "checkout_date > '2261-12-31'",
        "booked_in_future": "booking_date > '2050-01-01'",
        "booked_after_checkin": "CAST(booking_date AS DATE) > checkin_date",
        "unknown_listing": "apartment_id IS NOT NULL AND apartment_id NOT IN "
        "(SELECT id FROM apartments WHERE id IS NOT NULL)",
    },
}
