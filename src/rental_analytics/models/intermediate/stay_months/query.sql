-- A stay of a year touches thirteen months at most.
WITH later_months AS (
    SELECT month_number - 1 AS months_later
    FROM intermediate.months
    WHERE month_number <= 13
),

-- The calendar may begin after a stay. Nights are numbered from 0.
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
    CROSS JOIN later_months
    INNER JOIN intermediate.months AS months
        ON COALESCE(first_months.month_number, 1) + later_months.months_later = months.month_number
    WHERE stays.checkin_date < months.next_month_start AND stays.end_date > months.month_start
)

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
