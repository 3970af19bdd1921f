SELECT
    calendar_date,
    repeat_customer_rate
FROM presentation.repeat_customer_rate_daily
ORDER BY calendar_date
