WITH bookings AS (
    SELECT
        bookings.user_id,
        bookings.status,
        CAST(DATE_TRUNC('week', bookings.booked_at) AS DATE) AS week_start
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE NOT bookings.is_deleted AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
),

user_bookings AS (
    SELECT
        week_start,
        user_id,
        SUM(CASE WHEN status IN ('pending', 'confirmed') THEN 1 ELSE 0 END) AS bookings,
        SUM(CASE WHEN status = 'canceled' THEN 1 ELSE 0 END) AS canceled_bookings
    FROM bookings
    GROUP BY week_start, user_id
)

SELECT
    week_start,
    user_id,
    CAST(bookings AS BIGINT) AS bookings,
    CAST(canceled_bookings AS BIGINT) AS canceled_bookings
FROM user_bookings
