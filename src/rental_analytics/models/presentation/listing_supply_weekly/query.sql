WITH weeks AS (
    SELECT DISTINCT calendar.week_start
    FROM curated.calendar AS calendar
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE calendar.calendar_date <= run_parameters.as_of
),

neighbours AS (
    SELECT
        start_week,
        end_week,
        LAG(end_week) OVER (PARTITION BY listing_id ORDER BY start_week) AS end_week_before,
        LEAD(start_week) OVER (PARTITION BY listing_id ORDER BY start_week) AS next_start_week
    FROM intermediate.active_listing_weeks
),

-- Periods that touch differ in the price alone.
changes AS (
    SELECT
        start_week AS week_start,
        CASE WHEN end_week_before IS NULL THEN 1 ELSE 0 END AS new_listings,
        CASE WHEN end_week_before < start_week THEN 1 ELSE 0 END AS reactivated_listings,
        0 AS deactivated_listings
    FROM neighbours
    UNION ALL
    SELECT
        end_week AS week_start,
        0 AS new_listings,
        0 AS reactivated_listings,
        1 AS deactivated_listings
    FROM neighbours
    WHERE end_week IS NOT NULL AND (next_start_week IS NULL OR next_start_week > end_week)
),

weekly_changes AS (
    SELECT
        week_start,
        SUM(new_listings) AS new_listings,
        SUM(reactivated_listings) AS reactivated_listings,
        SUM(deactivated_listings) AS deactivated_listings
    FROM changes
    GROUP BY week_start
),

counted AS (
    SELECT
        weeks.week_start,
        COALESCE(changes.new_listings, 0) AS new_listings,
        COALESCE(changes.reactivated_listings, 0) AS reactivated_listings,
        COALESCE(changes.deactivated_listings, 0) AS deactivated_listings
    FROM weeks
    LEFT JOIN weekly_changes AS changes ON weeks.week_start = changes.week_start
    WHERE weeks.week_start >= (SELECT MIN(week_start) FROM weekly_changes)
)

SELECT
    week_start,
    CAST(new_listings AS BIGINT) AS new_listings,
    CAST(reactivated_listings AS BIGINT) AS reactivated_listings,
    CAST(deactivated_listings AS BIGINT) AS deactivated_listings,
    CAST(SUM(new_listings + reactivated_listings - deactivated_listings) OVER (
        ORDER BY week_start ROWS UNBOUNDED PRECEDING
    ) AS BIGINT) AS active_listings
FROM counted
