WITH confirmed AS (
    SELECT
        'now' AS kind,
        made.booking_id,
        made.booked_at AS valid_from,
        made.listing_id,
        made.checkin_date,
        made.checkout_date,
        made.reporting_total_price,
        LEAST(made.checkout_date, CAST(run_parameters.as_of + INTERVAL 1 DAY AS DATE)) AS end_date
    FROM curated.bookings AS made
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE NOT made.is_deleted AND made.status = 'confirmed' AND made.checkin_date <= run_parameters.as_of
    UNION ALL
    SELECT
        'version' AS kind,
        versions.booking_id,
        versions.valid_from,
        NULLIF(versions.booking_id, versions.booking_id) AS listing_id,
        versions.checkin_date,
        versions.checkout_date,
        versions.reporting_total_price,
        versions.checkout_date AS end_date
    FROM intermediate.confirmed_versions AS versions
),

stays AS (
    SELECT
        kind,
        booking_id,
        valid_from,
        listing_id,
        checkin_date,
        end_date,
        DATE_DIFF('day', checkin_date, checkout_date) AS nights,
        CAST(ROUND(CAST(reporting_total_price AS DECIMAL(20, 2)) * 100, 0) AS BIGINT) AS cents
    FROM confirmed
    WHERE checkout_date > LEAST(end_date, CAST(DATE_TRUNC('month', checkin_date) + INTERVAL 1 MONTH AS DATE))
),

-- Engines divide whole numbers as floating point ones, which hold each half of the cents.
halves AS (
    SELECT
        kind,
        booking_id,
        valid_from,
        listing_id,
        checkin_date,
        end_date,
        nights,
        CAST(ROUND((cents - cents % 1000000000) / 1000000000, 0) AS BIGINT) AS upper_half,
        cents % 1000000000 AS lower_half
    FROM stays
),

carried AS (
    SELECT
        kind,
        booking_id,
        valid_from,
        listing_id,
        checkin_date,
        end_date,
        nights,
        upper_half % nights * 1000000000 + lower_half AS rest,
        CAST(ROUND((upper_half - upper_half % nights) / nights, 0) AS BIGINT) AS upper_each
    FROM halves
)

SELECT
    kind,
    booking_id,
    valid_from,
    listing_id,
    checkin_date,
    end_date,
    upper_each * 1000000000 + CAST(ROUND((rest - rest % nights) / nights, 0) AS BIGINT) AS cents_each,
    rest % nights AS cents_over
FROM carried
