SELECT
    week_start,
    CAST(SUM(bookings) AS BIGINT) AS bookings
FROM presentation.bookings_per_user_weekly
GROUP BY week_start
ORDER BY week_start
