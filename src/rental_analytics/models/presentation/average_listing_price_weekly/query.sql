WITH weeks AS (
    SELECT DISTINCT calendar.week_start
    FROM curated.calendar AS calendar
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE calendar.calendar_date <= run_parameters.as_of
),

weekly_changes AS (
    SELECT
        week_start,
        SUM(listing_change) AS listing_change,
        SUM(price_change) AS price_change
    FROM intermediate.price_changes
    GROUP BY week_start
),

weekly_totals AS (
    SELECT
        weeks.week_start,
        CAST(SUM(changes.listing_change) OVER (
            ORDER BY weeks.week_start ROWS UNBOUNDED PRECEDING
        ) AS BIGINT) AS active_listings,
        CAST(SUM(changes.price_change) OVER (
            ORDER BY weeks.week_start ROWS UNBOUNDED PRECEDING
        ) AS DECIMAL(20, 2)) AS _total_price
    FROM weeks
    LEFT JOIN weekly_changes AS changes ON weeks.week_start = changes.week_start
)

SELECT
    weekly_totals.week_start,
    weekly_totals.active_listings,
    weekly_totals._total_price,
    run_parameters.reporting_currency AS currency
FROM weekly_totals
CROSS JOIN ops.run_parameters AS run_parameters
WHERE weekly_totals.active_listings > 0
