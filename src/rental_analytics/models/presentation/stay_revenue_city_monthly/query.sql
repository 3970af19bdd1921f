WITH revenue AS (
    SELECT
        COALESCE(cities.city, 'Unknown') AS city,
        cities.state,
        stays.month_start,
        SUM(stays.revenue) AS revenue
    FROM intermediate.stay_months AS stays
    LEFT JOIN intermediate.listing_cities AS cities ON stays.listing_id = cities.listing_id
    WHERE stays.kind = 'now'
    GROUP BY COALESCE(cities.city, 'Unknown'), cities.state, stays.month_start
),

-- A state may be NULL, which no join finds.
nights_and_revenue AS (
    SELECT
        month_start,
        city,
        state,
        booked_nights,
        available_nights,
        CAST(0 AS DECIMAL(18, 2)) AS revenue
    FROM intermediate.city_nights_monthly
    UNION ALL
    SELECT
        month_start,
        city,
        state,
        0 AS booked_nights,
        0 AS available_nights,
        revenue
    FROM revenue
)

SELECT
    nights.month_start,
    nights.city,
    nights.state,
    CAST(SUM(nights.booked_nights) AS BIGINT) AS booked_nights,
    CAST(SUM(nights.available_nights) AS BIGINT) AS available_nights,
    CAST(SUM(nights.revenue) AS DECIMAL(18, 2)) AS revenue,
    run_parameters.reporting_currency AS currency
FROM nights_and_revenue AS nights
CROSS JOIN ops.run_parameters AS run_parameters
GROUP BY nights.month_start, nights.city, nights.state, run_parameters.reporting_currency
