WITH calendar AS (
    SELECT calendar.calendar_date
    FROM curated.calendar AS calendar
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        calendar.calendar_date <= run_parameters.as_of
        AND calendar.calendar_date >= (
            SELECT CAST(MIN(booked_at) AS DATE) AS first_date
            FROM curated.bookings
            WHERE NOT is_deleted
        )
),

-- A booking counts on the 30 days before its expiry_date.
kept_bookings AS (
    SELECT
        user_id,
        CAST(CAST(booked_at AS DATE) + INTERVAL 30 DAY AS DATE) AS expiry_date,
        GREATEST(CAST(booked_at AS DATE), (SELECT MIN(calendar_date) FROM calendar)) AS start_date
    FROM curated.bookings
    WHERE NOT is_deleted AND status IN ('pending', 'confirmed')
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
)

SELECT
    calendar.calendar_date,
    CAST(SUM(SUM(COALESCE(changes.customers, 0))) OVER (
        ORDER BY calendar.calendar_date ROWS UNBOUNDED PRECEDING
    ) AS BIGINT) AS customers,
    CAST(SUM(SUM(COALESCE(changes.repeat_customers, 0))) OVER (
        ORDER BY calendar.calendar_date ROWS UNBOUNDED PRECEDING
    ) AS BIGINT) AS repeat_customers
FROM calendar
LEFT JOIN customer_changes AS changes ON calendar.calendar_date = changes.change_date
GROUP BY calendar.calendar_date
