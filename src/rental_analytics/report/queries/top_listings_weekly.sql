SELECT
    weekly.revenue_rank AS place,
    weekly.listing_id,
    weekly.title,
    weekly.city,
    weekly.state,
    weekly.confirmed_bookings,
    weekly.confirmed_revenue_usd
FROM presentation.top_listings_weekly AS weekly
CROSS JOIN ops.run_parameters
WHERE
    weekly.revenue_rank <= 10
    AND weekly.week_start = CAST(DATE_TRUNC('week', run_parameters.as_of + 1) AS DATE) - 7
ORDER BY weekly.revenue_rank
