WITH bookings AS (
    SELECT
        bookings.booking_id,
        CAST(DATE_TRUNC('week', bookings.booked_at) AS DATE) AS week_start
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE NOT bookings.is_deleted AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
),

-- Those whose last known version says so.
canceled_bookings AS (
    SELECT versions.booking_id
    FROM curated.booking_versions AS versions
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE CAST(versions.valid_from AS DATE) <= run_parameters.as_of
    GROUP BY versions.booking_id
    HAVING MAX(CASE WHEN versions.status = 'canceled' THEN versions.valid_from END) = MAX(versions.valid_from)
)

SELECT
    bookings.week_start,
    COUNT(*) AS bookings,
    COUNT(canceled_bookings.booking_id) AS canceled_bookings
FROM bookings
LEFT JOIN canceled_bookings ON bookings.booking_id = canceled_bookings.booking_id
GROUP BY bookings.week_start
