WITH first_week AS (
    SELECT
        MIN(week_start) AS week_start,
        MIN(calendar_date) AS first_date
    FROM curated.calendar
),

-- A version from before the calendar takes effect in its first week.
listing_versions AS (
    SELECT
        versions.listing_id,
        versions.valid_from,
        versions.reporting_price,
        versions.is_active,
        GREATEST(CAST(DATE_TRUNC('week', versions.valid_from) AS DATE), first_week.week_start) AS week_start
    FROM curated.listing_versions AS versions
    CROSS JOIN first_week
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        CAST(versions.valid_from AS DATE) <= run_parameters.as_of
        AND first_week.first_date <= run_parameters.as_of
),

-- In force at the end of the weeks from start_week to the one before end_week: none if both are the same.
version_periods AS (
    SELECT
        listing_id,
        reporting_price,
        is_active,
        week_start AS start_week,
        LEAD(week_start) OVER (PARTITION BY listing_id ORDER BY valid_from) AS end_week
    FROM listing_versions
)

SELECT
    listing_id,
    start_week,
    end_week,
    reporting_price
FROM version_periods
WHERE is_active AND (end_week IS NULL OR start_week < end_week)
