-- An aggregate, so that every engine knows of the one row.
WITH settings AS (
    SELECT MAX(default_currency) AS default_currency
    FROM raw_data.marketplace_settings
),

bookings AS (
    SELECT
        bookings.booking_id,
        bookings.user_id,
        bookings.apartment_id AS listing_id,
        CAST(bookings.booking_date AS TIMESTAMP) AS booked_at,
        CAST(bookings.checkin_date AS DATE) AS checkin_date,
        CAST(bookings.checkout_date AS DATE) AS checkout_date,
        bookings.total_price,
        COALESCE(
            TRANSLATE(
                TRIM(CAST(bookings.currency AS VARCHAR), ' '),
                'abcdefghijklmnopqrstuvwxyz',
                'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
            ),
            settings.default_currency
        ) AS currency,
        CAST(bookings.booking_status AS VARCHAR) AS booking_status,
        TRANSLATE(
            REPLACE(REPLACE(REPLACE(CAST(bookings.booking_status AS VARCHAR), ' ', ''), '_', ''), '-', ''),
            'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'
        ) AS status_text,
        CAST(bookings.payment_status AS VARCHAR) AS payment_status,
        bookings.num_guests AS guests,
        CAST(COALESCE(bookings.updated_at, bookings.booking_date) AS TIMESTAMP) AS modified_at,
        bookings._row_id,
        bookings._extracted_at
    FROM raw_data.bookings AS bookings
    CROSS JOIN settings
)

SELECT
    bookings.booking_id,
    bookings.user_id,
    bookings.listing_id,
    bookings.booked_at,
    bookings.checkin_date,
    bookings.checkout_date,
    DATE_DIFF('day', bookings.checkin_date, bookings.checkout_date) AS stay_nights,
    DATE_DIFF('day', CAST(bookings.booked_at AS DATE), bookings.checkin_date) AS lead_days,
    bookings.total_price,
    bookings.currency,
    statuses.status,
    bookings.payment_status,
    bookings.guests,
    bookings.modified_at,
    bookings.booking_status AS _booking_status,
    bookings._row_id,
    bookings._extracted_at
FROM bookings
LEFT JOIN raw_data.booking_statuses AS statuses ON bookings.status_text = statuses.spelling
