WITH bookings AS (
    SELECT
        booking_id,
        booked_at,
        checkin_date,
        checkout_date,
        reporting_total_price,
        status,
        modified_at,
        is_deleted,
        _row_id,
        _extracted_at
    FROM curated.bookings
)

-- When a booking was canceled that we first saw so is known, and what it was before is not.
SELECT
    booking_id,
    CASE WHEN is_deleted THEN _extracted_at ELSE modified_at END AS valid_from,
    CASE WHEN NOT is_deleted THEN status END AS status,
    CASE WHEN NOT is_deleted THEN checkin_date END AS checkin_date,
    CASE WHEN NOT is_deleted THEN checkout_date END AS checkout_date,
    CASE WHEN NOT is_deleted THEN reporting_total_price END AS reporting_total_price,
    CASE
        WHEN NOT is_deleted AND NOT (status = 'canceled' AND modified_at > booked_at) THEN booked_at
    END AS _first_valid_from,
    _row_id
FROM bookings
