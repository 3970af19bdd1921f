SELECT
    week_start,
    average_price_usd
FROM presentation.average_listing_price_weekly
ORDER BY week_start
