WITH period_ends AS (
    SELECT
        listing_id,
        start_week AS week_start,
        1 AS listing_change,
        reporting_price AS price_change
    FROM intermediate.active_listing_weeks
    UNION ALL
    SELECT
        listing_id,
        end_week AS week_start,
        -1 AS listing_change,
        -reporting_price AS price_change
    FROM intermediate.active_listing_weeks
    WHERE end_week IS NOT NULL
)

SELECT
    COALESCE(cities.city, 'Unknown') AS city,
    cities.state,
    changes.week_start,
    CAST(SUM(changes.listing_change) AS BIGINT) AS listing_change,
    CAST(SUM(changes.price_change) AS DECIMAL(20, 2)) AS price_change
FROM period_ends AS changes
LEFT JOIN intermediate.listing_cities AS cities ON changes.listing_id = cities.listing_id
GROUP BY COALESCE(cities.city, 'Unknown'), cities.state, changes.week_start
HAVING SUM(changes.listing_change) <> 0 OR SUM(changes.price_change) <> 0
