WITH calendar_days AS (
    SELECT calendar_date FROM raw_data.calendar_days
)

SELECT
    calendar_date,
    CAST(DATE_TRUNC('week', calendar_date) AS DATE) AS week_start,
    CAST(DATE_TRUNC('month', calendar_date) AS DATE) AS month_start
FROM calendar_days
