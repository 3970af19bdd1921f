WITH bookings AS (
    SELECT
        bookings.listing_id,
        bookings.status,
        CAST(DATE_TRUNC('week', bookings.booked_at) AS DATE) AS week_start
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        NOT bookings.is_deleted
        AND bookings.status IN ('pending', 'confirmed')
        AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
),

located_bookings AS (
    SELECT
        bookings.week_start,
        bookings.status,
        cities.state,
        COALESCE(cities.city, 'Unknown') AS city
    FROM bookings
    LEFT JOIN intermediate.listing_cities AS cities ON bookings.listing_id = cities.listing_id
),

location_bookings AS (
    SELECT
        week_start,
        city,
        state,
        COUNT(*) AS bookings,
        SUM(CASE WHEN status = 'confirmed' THEN 1 ELSE 0 END) AS confirmed_bookings
    FROM located_bookings
    GROUP BY week_start, city, state
),

ranked_locations AS (
    SELECT
        week_start,
        city,
        state,
        bookings,
        confirmed_bookings,
        ROW_NUMBER() OVER (
            PARTITION BY week_start ORDER BY bookings DESC, city ASC, state ASC NULLS LAST
        ) AS location_rank
    FROM location_bookings
)

SELECT
    week_start,
    city,
    state,
    bookings,
    CAST(confirmed_bookings AS BIGINT) AS confirmed_bookings,
    CAST(location_rank AS INTEGER) AS location_rank
FROM ranked_locations
