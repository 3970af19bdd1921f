WITH changes AS (
    SELECT
        listing_id,
        kind,
        start_date AS change_date,
        1 AS change
    FROM intermediate.listing_night_periods
    UNION ALL
    SELECT
        listing_id,
        kind,
        end_date AS change_date,
        -1 AS change
    FROM intermediate.listing_night_periods
)

SELECT
    COALESCE(cities.city, 'Unknown') AS city,
    cities.state,
    changes.change_date,
    CAST(SUM(CASE WHEN changes.kind = 'booked' THEN changes.change ELSE 0 END) AS BIGINT) AS booked,
    CAST(SUM(CASE WHEN changes.kind = 'available' THEN changes.change ELSE 0 END) AS BIGINT) AS available
FROM changes
LEFT JOIN intermediate.listing_cities AS cities ON changes.listing_id = cities.listing_id
GROUP BY COALESCE(cities.city, 'Unknown'), cities.state, changes.change_date
HAVING
    SUM(CASE WHEN changes.kind = 'booked' THEN changes.change ELSE 0 END) <> 0
    OR SUM(CASE WHEN changes.kind = 'available' THEN changes.change ELSE 0 END) <> 0
