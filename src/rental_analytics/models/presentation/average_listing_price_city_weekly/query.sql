WITH weeks AS (
    SELECT DISTINCT calendar.week_start
    FROM curated.calendar AS calendar
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE calendar.calendar_date <= run_parameters.as_of
),

cities AS (
    SELECT
        city,
        state,
        MIN(week_start) AS first_week
    FROM intermediate.price_changes
    GROUP BY city, state
),

-- Weeks without a change are there too. A state may be NULL, which no join finds.
changes_and_weeks AS (
    SELECT
        city,
        state,
        week_start,
        listing_change,
        price_change
    FROM intermediate.price_changes
    UNION ALL
    SELECT
        cities.city,
        cities.state,
        weeks.week_start,
        0 AS listing_change,
        CAST(0 AS DECIMAL(20, 2)) AS price_change
    FROM cities
    INNER JOIN weeks ON cities.first_week <= weeks.week_start
),

weekly_totals AS (
    SELECT
        city,
        state,
        week_start,
        CAST(SUM(SUM(listing_change)) OVER (
            PARTITION BY city, state ORDER BY week_start ROWS UNBOUNDED PRECEDING
        ) AS BIGINT) AS active_listings,
        CAST(SUM(SUM(price_change)) OVER (
            PARTITION BY city, state ORDER BY week_start ROWS UNBOUNDED PRECEDING
        ) AS DECIMAL(20, 2)) AS _total_price
    FROM changes_and_weeks
    GROUP BY city, state, week_start
)

SELECT
    totals.week_start,
    totals.city,
    totals.state,
    totals.active_listings,
    totals._total_price,
    run_parameters.reporting_currency AS currency
FROM weekly_totals AS totals
CROSS JOIN ops.run_parameters AS run_parameters
WHERE totals.active_listings > 0
