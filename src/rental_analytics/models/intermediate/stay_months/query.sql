-- Most stays lie in one month, and bring their price in it.
WITH whole_stays AS (
    SELECT
        'now' AS kind,
        bookings.booking_id,
        bookings.booked_at AS valid_from,
        bookings.listing_id,
        bookings.checkin_date,
        bookings.checkout_date,
        bookings.reporting_total_price
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        NOT bookings.is_deleted
        AND bookings.status = 'confirmed'
        AND bookings.checkout_date <= CAST(run_parameters.as_of + INTERVAL 1 DAY AS DATE)
    UNION ALL
    SELECT
        'version' AS kind,
        booking_id,
        valid_from,
        NULLIF(booking_id, booking_id) AS listing_id,
        checkin_date,
        checkout_date,
        reporting_total_price
    FROM intermediate.confirmed_versions
),

-- A stay of a year touches thirteen months at most. The calendar may begin after a stay. Nights are numbered
-- from 0.
months_of_stays AS (
    SELECT
        stays.kind,
        stays.booking_id,
        stays.valid_from,
        stays.listing_id,
        stays.cents_each,
        stays.cents_over,
        months.month_start,
        DATE_DIFF('day', stays.checkin_date, GREATEST(stays.checkin_date, months.month_start)) AS first_night,
        DATE_DIFF('day', stays.checkin_date, LEAST(stays.end_date, months.next_month_start)) AS next_night
    FROM intermediate.stay_prices AS stays
    LEFT JOIN intermediate.months AS first_months
        ON CAST(DATE_TRUNC('month', stays.checkin_date) AS DATE) = first_months.month_start
    INNER JOIN intermediate.months AS later_months ON later_months.month_number <= 13
    INNER JOIN intermediate.months AS months
        ON COALESCE(first_months.month_number, 1) + later_months.month_number - 1 = months.month_number
    WHERE stays.checkin_date < months.next_month_start AND stays.end_date > months.month_start
)

SELECT
    stays.kind,
    stays.booking_id,
    stays.valid_from,
    months.month_start,
    stays.listing_id,
    DATE_DIFF('day', stays.checkin_date, stays.checkout_date) AS nights,
    stays.reporting_total_price AS revenue
FROM whole_stays AS stays
INNER JOIN intermediate.months AS months
    ON CAST(DATE_TRUNC('month', stays.checkin_date) AS DATE) = months.month_start
WHERE stays.checkout_date <= months.next_month_start
UNION ALL
-- The first nights take a cent more each, until the cents that do not divide are spent.
SELECT
    kind,
    booking_id,
    valid_from,
    month_start,
    listing_id,
    next_night - first_night AS nights,
    CAST(
        CAST(
            cents_each * (next_night - first_night)
            + LEAST(next_night, cents_over) - LEAST(first_night, cents_over) AS DECIMAL(20, 0)
        ) * 0.01 AS DECIMAL(18, 2)
    ) AS revenue
FROM months_of_stays
