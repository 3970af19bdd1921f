SELECT
    month_start,
    average_stay_nights
FROM presentation.booking_duration_monthly
ORDER BY month_start
