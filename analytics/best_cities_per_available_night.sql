-- Which cities earn most for each night on offer?
--
-- How to read it: the twelve months before the newest one, which may not be over. Revenue per available
-- night counts the nights nobody booked, too, so a city is on top where price and occupancy are both high.
-- Cities with fewer than 365 available nights, which is one listing for a year, are left out.
WITH newest AS (
    SELECT MAX(month_start) AS month_start
    FROM presentation.stay_revenue_monthly
),

cities AS (
    SELECT
        months.city,
        months.state,
        SUM(months.booked_nights) AS booked_nights,
        SUM(months.available_nights) AS available_nights,
        SUM(months.revenue) AS revenue,
        MAX(months.currency) AS currency
    FROM presentation.stay_revenue_city_monthly AS months
    CROSS JOIN newest
    WHERE
        months.month_start < newest.month_start
        AND months.month_start >= CAST(newest.month_start - INTERVAL '12 months' AS DATE)
    GROUP BY months.city, months.state
    HAVING SUM(months.available_nights) >= 365
)

SELECT
    city,
    state,
    available_nights,
    ROUND(100.0 * booked_nights / NULLIF(available_nights, 0), 1) AS occupancy_percent,
    ROUND(revenue / NULLIF(booked_nights, 0), 2) AS revenue_per_booked_night,
    ROUND(revenue / NULLIF(available_nights, 0), 2) AS revenue_per_available_night,
    currency
FROM cities
ORDER BY revenue / NULLIF(available_nights, 0) DESC NULLS LAST, city ASC, state ASC
LIMIT 20
