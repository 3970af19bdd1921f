WITH calendar AS (
    SELECT
        MIN(calendar.calendar_date) AS first_date,
        CAST(MAX(calendar.calendar_date) + INTERVAL 1 DAY AS DATE) AS end_date
    FROM curated.calendar AS calendar
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE calendar.calendar_date <= run_parameters.as_of
),

-- In force at the end of each day from start_date on, before end_date.
version_periods AS (
    SELECT
        listing_id,
        is_active,
        CAST(valid_from AS DATE) AS start_date,
        CAST(LEAD(valid_from) OVER (PARTITION BY listing_id ORDER BY valid_from) AS DATE) AS end_date
    FROM curated.listing_versions
),

periods AS (
    SELECT
        listing_id,
        TRUE AS is_stay,
        checkin_date AS start_date,
        checkout_date AS end_date
    FROM curated.bookings
    WHERE NOT is_deleted AND status = 'confirmed'
    UNION ALL
    SELECT
        listing_id,
        FALSE AS is_stay,
        start_date,
        end_date
    FROM version_periods
    WHERE is_active
),

bounded_periods AS (
    SELECT
        periods.listing_id,
        periods.is_stay,
        GREATEST(periods.start_date, calendar.first_date) AS start_date,
        LEAST(COALESCE(periods.end_date, calendar.end_date), calendar.end_date) AS end_date
    FROM periods
    CROSS JOIN calendar
    WHERE periods.start_date < calendar.end_date
),

covered_periods AS (
    SELECT
        listing_id,
        is_stay,
        start_date,
        end_date,
        COALESCE(MAX(CASE WHEN is_stay THEN end_date END) OVER (
            PARTITION BY listing_id ORDER BY start_date ASC, end_date DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), start_date) AS booked_until,
        COALESCE(MAX(end_date) OVER (
            PARTITION BY listing_id ORDER BY start_date ASC, end_date DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), start_date) AS available_until
    FROM bounded_periods
)

SELECT
    listing_id,
    'booked' AS kind,
    GREATEST(start_date, booked_until) AS start_date,
    end_date
FROM covered_periods
WHERE is_stay AND GREATEST(start_date, booked_until) < end_date
UNION ALL
SELECT
    listing_id,
    'available' AS kind,
    GREATEST(start_date, available_until) AS start_date,
    end_date
FROM covered_periods
WHERE GREATEST(start_date, available_until) < end_date
