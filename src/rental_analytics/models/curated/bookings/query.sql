WITH bookings AS (
    SELECT
        booking_id,
        user_id,
        apartment_id AS listing_id,
        CAST(booking_date AS TIMESTAMP) AS booked_at,
        CAST(checkin_date AS DATE) AS checkin_date,
        CAST(checkout_date AS DATE) AS checkout_date,
        total_price,
        TRANSLATE(
            TRIM(CAST(currency AS VARCHAR), ' '), 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
        ) AS currency,
        TRANSLATE(
            REPLACE(REPLACE(REPLACE(CAST(booking_status AS VARCHAR), ' ', ''), '_', ''), '-', ''),
            'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'
        ) AS status_text,
        CAST(payment_status AS VARCHAR) AS payment_status,
        num_guests AS guests,
        CAST(COALESCE(updated_at, booking_date) AS TIMESTAMP) AS modified_at,
        _row_id
    FROM raw_data.bookings
)

SELECT
    booking_id,
    user_id,
    listing_id,
    booked_at,
    checkin_date,
    checkout_date,
    DATE_DIFF('day', checkin_date, checkout_date) AS stay_nights,
    DATE_DIFF('day', CAST(booked_at AS DATE), checkin_date) AS lead_days,
    total_price,
    currency,
    CASE
        WHEN status_text = 'pending' THEN 'pending'
        WHEN status_text IN ('confirmed', 'completed', 'checkedout') THEN 'confirmed'
        WHEN status_text IN ('canceled', 'cancelled') THEN 'canceled'
    END AS status,
    payment_status,
    guests,
    modified_at,
    _row_id
FROM bookings
