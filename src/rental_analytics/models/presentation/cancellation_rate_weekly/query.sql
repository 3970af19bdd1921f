WITH bookings AS (
    SELECT
        bookings.booking_id,
        CAST(DATE_TRUNC('week', bookings.booked_at) AS DATE) AS week_start
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE NOT bookings.is_deleted AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
),

known_versions AS (
    SELECT
        versions.booking_id,
        versions.status,
        ROW_NUMBER() OVER (
            PARTITION BY versions.booking_id ORDER BY versions.valid_from DESC
        ) AS age_rank
    FROM curated.booking_versions AS versions
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE CAST(versions.valid_from AS DATE) <= run_parameters.as_of
)

SELECT
    bookings.week_start,
    COUNT(*) AS bookings,
    CAST(SUM(CASE WHEN versions.status = 'canceled' THEN 1 ELSE 0 END) AS BIGINT) AS canceled_bookings
FROM bookings
LEFT JOIN known_versions AS versions ON bookings.booking_id = versions.booking_id AND versions.age_rank = 1
GROUP BY bookings.week_start
