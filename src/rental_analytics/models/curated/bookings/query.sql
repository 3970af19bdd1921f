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
),

exchange_rates AS (
    SELECT
        rate_date,
        currency,
        usd_per_unit
    FROM curated.exchange_rates
),

known_currencies AS (
    SELECT DISTINCT currency
    FROM exchange_rates
),

last_rates AS (
    SELECT MAX(rate_date) AS last_date
    FROM exchange_rates
),

dated AS (
    SELECT
        bookings.*,
        known_currencies.currency IS NOT NULL OR COALESCE(bookings.currency = 'USD', FALSE) AS currency_known,
        CASE
            WHEN CAST(bookings.booked_at AS DATE) > last_rates.last_date THEN last_rates.last_date
            ELSE CAST(bookings.booked_at AS DATE)
        END AS rate_date
    FROM bookings
    CROSS JOIN last_rates
    LEFT JOIN known_currencies ON bookings.currency = known_currencies.currency
),

rated AS (
    SELECT
        dated.*,
        CASE
            WHEN dated.currency = 'USD' THEN CAST(1 AS DECIMAL(19, 12))
            ELSE TRY_CAST(exchange_rates.usd_per_unit AS DECIMAL(19, 12))
        END AS usd_per_unit
    FROM dated
    LEFT JOIN exchange_rates
        ON
            dated.currency = exchange_rates.currency
            AND dated.rate_date = exchange_rates.rate_date
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
    -- 18 and 19 digits: the product has at most 38, which neither DuckDB nor Spark cuts.
    CAST(ROUND(TRY_CAST(total_price AS DECIMAL(18, 2)) * usd_per_unit, 2) AS DECIMAL(38, 2))
        AS total_price_usd,
    CASE
        WHEN status_text = 'pending' THEN 'pending'
        WHEN status_text IN ('confirmed', 'completed', 'checkedout') THEN 'confirmed'
        WHEN status_text IN ('canceled', 'cancelled') THEN 'canceled'
    END AS status,
    payment_status,
    guests,
    modified_at,
    currency_known AS _currency_known,
    rate_date AS _rate_date,
    usd_per_unit AS _usd_per_unit,
    _row_id
FROM rated
