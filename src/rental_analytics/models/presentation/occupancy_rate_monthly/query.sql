WITH calendar AS (
    SELECT
        calendar.calendar_date,
        calendar.month_start
    FROM curated.calendar AS calendar
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE calendar.calendar_date <= run_parameters.as_of
),

stays AS (
    SELECT
        listing_id,
        checkin_date,
        checkout_date
    FROM curated.bookings
    WHERE NOT is_deleted AND status = 'confirmed'
),

-- In force at the end of each day from start_date to the day before end_date: none if both are the same.
version_periods AS (
    SELECT
        listing_id,
        is_active,
        CAST(valid_from AS DATE) AS start_date,
        CAST(LEAD(valid_from) OVER (PARTITION BY listing_id ORDER BY valid_from) AS DATE) AS end_date
    FROM curated.listing_versions
),

listing_periods AS (
    SELECT
        listing_id,
        checkin_date AS start_date,
        checkout_date AS end_date,
        1 AS booked,
        0 AS available
    FROM stays
    UNION ALL
    SELECT
        listing_id,
        checkin_date AS start_date,
        checkout_date AS end_date,
        0 AS booked,
        1 AS available
    FROM stays
    UNION ALL
    SELECT
        listing_id,
        start_date,
        COALESCE(end_date, DATE '9999-12-31') AS end_date,
        0 AS booked,
        1 AS available
    FROM version_periods
    WHERE is_active
),

-- The nights that no earlier period of the listing covers, and none before the calendar.
added_nights AS (
    SELECT
        booked,
        available,
        end_date,
        GREATEST(
            start_date,
            (SELECT MIN(calendar_date) FROM calendar),
            COALESCE(MAX(end_date) OVER (
                PARTITION BY listing_id, booked ORDER BY start_date
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), start_date)
        ) AS added_from
    FROM listing_periods
),

night_changes AS (
    SELECT
        added_from AS change_date,
        booked,
        available
    FROM added_nights
    WHERE added_from < end_date
    UNION ALL
    SELECT
        end_date AS change_date,
        -booked AS booked,
        -available AS available
    FROM added_nights
    WHERE added_from < end_date
),

daily_changes AS (
    SELECT
        change_date,
        SUM(booked) AS booked,
        SUM(available) AS available
    FROM night_changes
    GROUP BY change_date
),

-- NULL before the first night.
daily_nights AS (
    SELECT
        calendar.month_start,
        SUM(changes.booked) OVER (
            ORDER BY calendar.calendar_date ROWS UNBOUNDED PRECEDING
        ) AS booked_nights,
        SUM(changes.available) OVER (
            ORDER BY calendar.calendar_date ROWS UNBOUNDED PRECEDING
        ) AS available_nights
    FROM calendar
    LEFT JOIN daily_changes AS changes ON calendar.calendar_date = changes.change_date
),

-- Half a millionth rounds up: floor((2000000 * booked + available) / (2 * available)). With the remainder
-- taken off first the quotient is a whole number, exact in whatever type an engine divides.
monthly_nights AS (
    SELECT
        month_start,
        CAST(SUM(booked_nights) AS BIGINT) AS booked_nights,
        CAST(SUM(available_nights) AS BIGINT) AS available_nights,
        CAST(SUM(booked_nights * 2000000 + available_nights) AS BIGINT) AS dividend,
        CAST(NULLIF(SUM(available_nights * 2), 0) AS BIGINT) AS divisor
    FROM daily_nights
    WHERE available_nights IS NOT NULL
    GROUP BY month_start
)

SELECT
    month_start,
    booked_nights,
    available_nights,
    CAST(
        CAST(ROUND((dividend - dividend % divisor) / divisor) AS BIGINT) * 0.000001 AS DECIMAL(9, 6)
    ) AS occupancy_rate
FROM monthly_nights
