WITH bookings AS (
    SELECT DISTINCT
        bookings.user_id,
        CAST(DATE_TRUNC('month', bookings.booked_at) AS DATE) AS month_start
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        NOT bookings.is_deleted
        AND bookings.status IN ('pending', 'confirmed')
        AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
),

users AS (
    SELECT
        user_id,
        MIN(month_start) AS cohort_month
    FROM bookings
    GROUP BY user_id
),

cohorts AS (
    SELECT
        cohort_month,
        COUNT(*) AS cohort_users
    FROM users
    GROUP BY cohort_month
),

active AS (
    SELECT
        users.cohort_month,
        bookings.month_start,
        COUNT(*) AS active_users
    FROM bookings
    INNER JOIN users ON bookings.user_id = users.user_id
    GROUP BY users.cohort_month, bookings.month_start
)

SELECT
    cohorts.cohort_month,
    CAST(months.month_number - first_months.month_number AS INTEGER) AS months_since,
    cohorts.cohort_users,
    COALESCE(active.active_users, 0) AS active_users
FROM cohorts
CROSS JOIN ops.run_parameters AS run_parameters
INNER JOIN intermediate.months AS first_months ON cohorts.cohort_month = first_months.month_start
INNER JOIN intermediate.months AS months
    ON
        cohorts.cohort_month <= months.month_start
        AND CAST(run_parameters.as_of + INTERVAL 1 DAY AS DATE) >= months.next_month_start
LEFT JOIN active ON cohorts.cohort_month = active.cohort_month AND months.month_start = active.month_start
