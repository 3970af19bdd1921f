WITH bookings AS (
    SELECT
        CAST(DATE_TRUNC('week', bookings.booked_at) AS DATE) AS week_start,
        bookings.reporting_total_price,
        CASE WHEN bookings.status = 'canceled' THEN 1 ELSE 0 END AS canceled
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE NOT bookings.is_deleted AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
),

values_of_weeks AS (
    SELECT
        week_start,
        COUNT(*) AS bookings,
        SUM(reporting_total_price) AS gross,
        SUM(canceled) AS canceled_bookings,
        SUM(CASE WHEN canceled = 1 THEN reporting_total_price ELSE 0 END) AS canceled
    FROM bookings
    GROUP BY week_start
)

SELECT
    weeks.week_start,
    weeks.bookings,
    CAST(weeks.gross AS DECIMAL(18, 2)) AS gross_booking_value,
    CAST(weeks.canceled_bookings AS BIGINT) AS canceled_bookings,
    CAST(weeks.canceled AS DECIMAL(18, 2)) AS canceled_value,
    CAST(weeks.gross - weeks.canceled AS DECIMAL(18, 2)) AS net_booking_value,
    run_parameters.reporting_currency AS currency
FROM values_of_weeks AS weeks
CROSS JOIN ops.run_parameters AS run_parameters
