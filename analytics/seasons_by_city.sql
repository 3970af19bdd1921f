-- When is each city busy, and when is it quiet?
--
-- How to read it: the busiest and the quietest of the twelve months before the newest one, by booked
-- nights, in cities that had nights on offer in all twelve. times_as_busy says how many times the nights of
-- the quietest month the busiest has: where it is large, prices by season pay, and so does a reason to come
-- in the quiet months.
WITH newest AS (
    SELECT MAX(month_start) AS month_start
    FROM presentation.stay_revenue_monthly
),

ranked AS (
    SELECT
        months.city,
        months.state,
        months.month_start,
        months.booked_nights,
        ROW_NUMBER() OVER (
            PARTITION BY months.city, months.state ORDER BY months.booked_nights DESC, months.month_start ASC
        ) AS place
    FROM presentation.stay_revenue_city_monthly AS months
    CROSS JOIN newest
    WHERE
        months.month_start < newest.month_start
        AND months.month_start >= CAST(newest.month_start - INTERVAL '12 months' AS DATE)
),

cities AS (
    SELECT
        city,
        state,
        SUM(booked_nights) AS booked_nights,
        MAX(CASE WHEN place = 1 THEN month_start END) AS busiest_month,
        MAX(CASE WHEN place = 1 THEN booked_nights END) AS busiest_nights,
        MAX(CASE WHEN place = 12 THEN month_start END) AS quietest_month,
        MAX(CASE WHEN place = 12 THEN booked_nights END) AS quietest_nights
    FROM ranked
    GROUP BY city, state
)

SELECT
    city,
    state,
    booked_nights,
    busiest_month,
    busiest_nights,
    quietest_month,
    quietest_nights,
    ROUND(1.0 * busiest_nights / NULLIF(quietest_nights, 0), 1) AS times_as_busy
FROM cities
WHERE quietest_month IS NOT NULL
ORDER BY booked_nights DESC, city ASC, state ASC
LIMIT 20
