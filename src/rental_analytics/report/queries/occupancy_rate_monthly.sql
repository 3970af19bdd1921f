SELECT
    month_start,
    occupancy_rate
FROM presentation.occupancy_rate_monthly
ORDER BY month_start
