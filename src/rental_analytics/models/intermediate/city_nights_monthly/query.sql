-- The month that as_of lies in ends with it.
WITH months AS (
    SELECT
        calendar.month_start,
        COUNT(*) AS days,
        CAST(MAX(calendar.calendar_date) + INTERVAL 1 DAY AS DATE) AS end_date
    FROM curated.calendar AS calendar
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE calendar.calendar_date <= run_parameters.as_of
    GROUP BY calendar.month_start
),

cities AS (
    SELECT
        city,
        state,
        MIN(change_date) AS first_date
    FROM intermediate.night_changes
    GROUP BY city, state
),

-- A change adds to the nights that are left of its own month, and to all of later ones. Months without one
-- are there too. A state may be NULL, which no join finds.
changes_and_months AS (
    SELECT
        changes.city,
        changes.state,
        months.month_start,
        changes.booked,
        changes.available,
        DATE_DIFF('day', changes.change_date, months.end_date) AS days_left
    FROM intermediate.night_changes AS changes
    INNER JOIN months ON CAST(DATE_TRUNC('month', changes.change_date) AS DATE) = months.month_start
    UNION ALL
    SELECT
        cities.city,
        cities.state,
        months.month_start,
        0 AS booked,
        0 AS available,
        0 AS days_left
    FROM cities
    INNER JOIN months ON cities.first_date < months.end_date
),

nights AS (
    SELECT
        changes.city,
        changes.state,
        changes.month_start,
        SUM(changes.booked * changes.days_left) + months.days * COALESCE(SUM(SUM(changes.booked)) OVER (
            PARTITION BY changes.city, changes.state ORDER BY changes.month_start
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS booked_nights,
        SUM(changes.available * changes.days_left) + months.days * COALESCE(SUM(SUM(changes.available)) OVER (
            PARTITION BY changes.city, changes.state ORDER BY changes.month_start
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS available_nights
    FROM changes_and_months AS changes
    INNER JOIN months ON changes.month_start = months.month_start
    GROUP BY changes.city, changes.state, changes.month_start, months.days
)

SELECT
    city,
    state,
    month_start,
    CAST(booked_nights AS BIGINT) AS booked_nights,
    CAST(available_nights AS BIGINT) AS available_nights
FROM nights
WHERE available_nights > 0
