WITH changes AS (
    SELECT
        versions.start_date AS change_date,
        stays.month_start AS stay_month,
        stays.nights,
        stays.revenue
    FROM intermediate.confirmed_versions AS versions
    INNER JOIN intermediate.stay_months AS stays
        ON versions.booking_id = stays.booking_id AND versions.valid_from = stays.valid_from
    WHERE stays.kind = 'version'
    UNION ALL
    SELECT
        versions.end_date AS change_date,
        stays.month_start AS stay_month,
        -stays.nights AS nights,
        -stays.revenue AS revenue
    FROM intermediate.confirmed_versions AS versions
    INNER JOIN intermediate.stay_months AS stays
        ON versions.booking_id = stays.booking_id AND versions.valid_from = stays.valid_from
    WHERE stays.kind = 'version' AND versions.end_date IS NOT NULL
),

daily_changes AS (
    SELECT
        change_date,
        stay_month,
        SUM(nights) AS nights,
        SUM(revenue) AS revenue
    FROM changes
    GROUP BY change_date, stay_month
),

shown_days AS (
    SELECT
        calendar.calendar_date,
        months.month_number
    FROM curated.calendar AS calendar
    INNER JOIN intermediate.months AS months ON calendar.month_start = months.month_start
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        calendar.calendar_date <= run_parameters.as_of
        AND calendar.calendar_date >= (SELECT MIN(change_date) FROM daily_changes)
),

-- Each day with each month that any day is shown with, so that sums run through.
days_and_months AS (
    SELECT
        days.calendar_date,
        months.month_start AS stay_month,
        months.month_number - days.month_number AS months_ahead
    FROM shown_days AS days
    INNER JOIN intermediate.months AS months
        ON months.month_number >= (SELECT MIN(month_number) FROM shown_days) - 1
),

on_the_books AS (
    SELECT
        grid.calendar_date,
        grid.stay_month,
        grid.months_ahead,
        COALESCE(SUM(changes.nights) OVER (
            PARTITION BY grid.stay_month ORDER BY grid.calendar_date ROWS UNBOUNDED PRECEDING
        ), 0) AS nights,
        COALESCE(SUM(changes.revenue) OVER (
            PARTITION BY grid.stay_month ORDER BY grid.calendar_date ROWS UNBOUNDED PRECEDING
        ), 0) AS revenue
    FROM days_and_months AS grid
    LEFT JOIN daily_changes AS changes
        ON grid.calendar_date = changes.change_date AND grid.stay_month = changes.stay_month
)

SELECT
    on_the_books.calendar_date,
    on_the_books.stay_month,
    CAST(on_the_books.nights AS BIGINT) AS nights,
    CAST(on_the_books.revenue AS DECIMAL(18, 2)) AS revenue,
    run_parameters.reporting_currency AS currency
FROM on_the_books
CROSS JOIN ops.run_parameters AS run_parameters
WHERE on_the_books.months_ahead BETWEEN -1 AND 12
