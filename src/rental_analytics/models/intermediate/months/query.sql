SELECT
    calendar.month_start,
    CAST(MAX(calendar.calendar_date) + INTERVAL 1 DAY AS DATE) AS next_month_start,
    CAST(ROW_NUMBER() OVER (ORDER BY calendar.month_start) AS BIGINT) AS month_number
FROM curated.calendar AS calendar
CROSS JOIN ops.run_parameters AS run_parameters
WHERE calendar.month_start <= CAST(run_parameters.as_of + INTERVAL 366 DAY AS DATE)
GROUP BY calendar.month_start
