-- In force at the end of each day from start_date on, before end_date.
WITH versions AS (
    SELECT
        booking_id,
        valid_from,
        status,
        checkin_date,
        checkout_date,
        reporting_total_price,
        CAST(valid_from AS DATE) AS start_date,
        CAST(LEAD(valid_from) OVER (PARTITION BY booking_id ORDER BY valid_from) AS DATE) AS end_date
    FROM curated.booking_versions
)

SELECT
    versions.booking_id,
    versions.valid_from,
    versions.checkin_date,
    versions.checkout_date,
    versions.reporting_total_price,
    GREATEST(versions.start_date, run_parameters.known_from) AS start_date,
    versions.end_date
FROM versions
CROSS JOIN ops.run_parameters AS run_parameters
WHERE
    versions.status = 'confirmed'
    -- The month before is shown too.
    AND versions.checkout_date
    > CAST(DATE_TRUNC('month', run_parameters.known_from) - INTERVAL 1 MONTH AS DATE)
    AND (
        versions.end_date IS NULL
        OR versions.end_date > GREATEST(versions.start_date, run_parameters.known_from)
    )
