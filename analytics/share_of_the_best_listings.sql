-- How much of the revenue comes from the best listings?
--
-- How to read it: the listings that had a booked night in the twelve months before the newest one, by
-- revenue, in ten parts of the same size; part 1 are the best. Where part 1 earns half of all, the
-- marketplace depends on few hosts. Listings without a booked night earn nothing and are in no part.
WITH newest AS (
    SELECT MAX(month_start) AS month_start
    FROM presentation.revenue_per_listing_monthly
),

listings AS (
    SELECT
        months.listing_id,
        SUM(months.revenue) AS revenue,
        MAX(months.currency) AS currency
    FROM presentation.revenue_per_listing_monthly AS months
    CROSS JOIN newest
    WHERE
        months.month_start < newest.month_start
        AND months.month_start >= CAST(newest.month_start - INTERVAL '12 months' AS DATE)
    GROUP BY months.listing_id
),

ranked AS (
    SELECT
        listing_id,
        revenue,
        currency,
        NTILE(10) OVER (ORDER BY revenue DESC, listing_id ASC) AS tenth
    FROM listings
),

tenths AS (
    SELECT
        tenth,
        COUNT(*) AS listings,
        SUM(revenue) AS revenue,
        MAX(currency) AS currency
    FROM ranked
    GROUP BY tenth
),

summed AS (
    SELECT
        tenth,
        listings,
        revenue,
        currency,
        SUM(revenue) OVER () AS all_revenue,
        SUM(revenue) OVER (ORDER BY tenth ROWS UNBOUNDED PRECEDING) AS revenue_up_to
    FROM tenths
)

SELECT
    tenth,
    listings,
    revenue,
    ROUND(100.0 * revenue / NULLIF(all_revenue, 0), 1) AS share_percent,
    ROUND(100.0 * revenue_up_to / NULLIF(all_revenue, 0), 1) AS share_up_to_here_percent,
    currency
FROM summed
ORDER BY tenth
