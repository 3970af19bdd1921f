-- Do cheap listings earn more than dear ones?
--
-- How to read it: the listings that are on offer today, by asking price, in five parts of the same size;
-- part 1 are the cheapest. Nights and revenue are those of the twelve months before the newest one, of each
-- listing on average, also of those that were not booked. The part with the highest revenue is where price
-- and demand meet best today.
WITH newest AS (
    SELECT MAX(month_start) AS month_start
    FROM presentation.revenue_per_listing_monthly
),

earned AS (
    SELECT
        months.listing_id,
        SUM(months.nights) AS nights,
        SUM(months.revenue) AS revenue
    FROM presentation.revenue_per_listing_monthly AS months
    CROSS JOIN newest
    WHERE
        months.month_start < newest.month_start
        AND months.month_start >= CAST(newest.month_start - INTERVAL '12 months' AS DATE)
    GROUP BY months.listing_id
),

listings AS (
    SELECT
        listings.listing_id,
        listings.reporting_price,
        run_parameters.reporting_currency,
        NTILE(5) OVER (ORDER BY listings.reporting_price ASC, listings.listing_id ASC) AS price_fifth
    FROM curated.listings AS listings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE listings.is_active AND NOT listings.is_deleted
)

SELECT
    listings.price_fifth,
    MIN(listings.reporting_price) AS lowest_price,
    MAX(listings.reporting_price) AS highest_price,
    COUNT(*) AS listings,
    ROUND(1.0 * SUM(COALESCE(earned.nights, 0)) / COUNT(*), 1) AS nights_per_listing,
    ROUND(SUM(COALESCE(earned.revenue, 0)) / COUNT(*), 2) AS revenue_per_listing,
    MAX(listings.reporting_currency) AS currency
FROM listings
LEFT JOIN earned ON listings.listing_id = earned.listing_id
GROUP BY listings.price_fifth
ORDER BY listings.price_fifth
