WITH weeks AS (
    SELECT DISTINCT calendar.week_start
    FROM curated.calendar AS calendar
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE calendar.calendar_date <= run_parameters.as_of
),

-- A version from before the calendar takes effect in its first week.
listing_versions AS (
    SELECT
        versions.listing_id,
        versions.valid_from,
        versions.reporting_price,
        versions.is_active,
        GREATEST(
            CAST(DATE_TRUNC('week', versions.valid_from) AS DATE), (SELECT MIN(week_start) FROM weeks)
        ) AS week_start
    FROM curated.listing_versions AS versions
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE CAST(versions.valid_from AS DATE) <= run_parameters.as_of
),

-- In force at the end of the weeks from start_week to the one before end_week: none if both are the same.
version_periods AS (
    SELECT
        reporting_price,
        is_active,
        week_start AS start_week,
        LEAD(week_start) OVER (PARTITION BY listing_id ORDER BY valid_from) AS end_week
    FROM listing_versions
),

active_changes AS (
    SELECT
        start_week AS week_start,
        1 AS listing_change,
        reporting_price AS price_change
    FROM version_periods
    WHERE is_active
    UNION ALL
    SELECT
        end_week AS week_start,
        -1 AS listing_change,
        -reporting_price AS price_change
    FROM version_periods
    WHERE is_active AND end_week IS NOT NULL
),

weekly_changes AS (
    SELECT
        week_start,
        SUM(listing_change) AS listing_change,
        SUM(price_change) AS price_change
    FROM active_changes
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
