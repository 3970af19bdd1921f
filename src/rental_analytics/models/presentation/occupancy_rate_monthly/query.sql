WITH calendar AS (
    SELECT
        calendar.calendar_date,
        calendar.month_start
    FROM curated.calendar AS calendar
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE calendar.calendar_date <= run_parameters.as_of
),

night_changes AS (
    SELECT
        start_date AS change_date,
        CASE WHEN kind = 'booked' THEN 1 ELSE 0 END AS booked,
        CASE WHEN kind = 'available' THEN 1 ELSE 0 END AS available
    FROM intermediate.listing_night_periods
    UNION ALL
    SELECT
        end_date AS change_date,
        CASE WHEN kind = 'booked' THEN -1 ELSE 0 END AS booked,
        CASE WHEN kind = 'available' THEN -1 ELSE 0 END AS available
    FROM intermediate.listing_night_periods
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
)

SELECT
    month_start,
    CAST(SUM(booked_nights) AS BIGINT) AS booked_nights,
    CAST(SUM(available_nights) AS BIGINT) AS available_nights
FROM daily_nights
WHERE available_nights IS NOT NULL
GROUP BY month_start
