WITH bookings AS (
    SELECT
        user_id,
        status,
        CAST(booked_at AS DATE) AS booked_date
    FROM curated.bookings
    WHERE NOT is_deleted
),

calendar AS (
    SELECT calendar.calendar_date
    FROM curated.calendar AS calendar
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        calendar.calendar_date <= run_parameters.as_of
        AND calendar.calendar_date >= (SELECT MIN(booked_date) FROM bookings)
),

-- A booking counts on the 30 days before its expiry_date.
kept_bookings AS (
    SELECT
        user_id,
        CAST(booked_date + INTERVAL 30 DAY AS DATE) AS expiry_date,
        GREATEST(booked_date, (SELECT MIN(calendar_date) FROM calendar)) AS start_date
    FROM bookings
    WHERE status IN ('pending', 'confirmed')
),

booking_sequences AS (
    SELECT
        start_date,
        expiry_date,
        LAG(expiry_date, 1) OVER (PARTITION BY user_id ORDER BY expiry_date) AS previous_expiry_date,
        LAG(expiry_date, 2) OVER (PARTITION BY user_id ORDER BY expiry_date) AS second_previous_expiry_date
    FROM kept_bookings
),

-- A booking adds a customer on the days that the one before it does not cover, and a repeat customer on the
-- days that the one before it covers but the one before that does not.
added_days AS (
    SELECT
        1 AS customers,
        0 AS repeat_customers,
        expiry_date AS end_date,
        GREATEST(start_date, COALESCE(previous_expiry_date, start_date)) AS added_from
    FROM booking_sequences
    UNION ALL
    SELECT
        0 AS customers,
        1 AS repeat_customers,
        previous_expiry_date AS end_date,
        GREATEST(start_date, COALESCE(second_previous_expiry_date, start_date)) AS added_from
    FROM booking_sequences
),

customer_changes AS (
    SELECT
        added_from AS change_date,
        customers,
        repeat_customers
    FROM added_days
    WHERE added_from < end_date
    UNION ALL
    SELECT
        end_date AS change_date,
        -customers AS customers,
        -repeat_customers AS repeat_customers
    FROM added_days
    WHERE added_from < end_date
),

daily_changes AS (
    SELECT
        change_date,
        SUM(customers) AS customers,
        SUM(repeat_customers) AS repeat_customers
    FROM customer_changes
    GROUP BY change_date
),

daily_customers AS (
    SELECT
        calendar.calendar_date,
        CAST(SUM(COALESCE(changes.customers, 0)) OVER (
            ORDER BY calendar.calendar_date ROWS UNBOUNDED PRECEDING
        ) AS BIGINT) AS customers,
        CAST(SUM(COALESCE(changes.repeat_customers, 0)) OVER (
            ORDER BY calendar.calendar_date ROWS UNBOUNDED PRECEDING
        ) AS BIGINT) AS repeat_customers
    FROM calendar
    LEFT JOIN daily_changes AS changes ON calendar.calendar_date = changes.change_date
),

-- Half a millionth rounds up: floor((2000000 * repeat + customers) / (2 * customers)). With the remainder
-- taken off first the quotient is a whole number, exact in whatever type an engine divides.
rounding AS (
    SELECT
        calendar_date,
        customers,
        repeat_customers,
        repeat_customers * 2000000 + customers AS dividend,
        NULLIF(customers * 2, 0) AS divisor
    FROM daily_customers
)

SELECT
    calendar_date,
    customers,
    repeat_customers,
    CAST(
        CAST(ROUND((dividend - dividend % divisor) / divisor) AS BIGINT) * 0.000001 AS DECIMAL(9, 6)
    ) AS repeat_customer_rate
FROM rounding
