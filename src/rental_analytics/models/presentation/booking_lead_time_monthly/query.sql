WITH lead_times AS (
    SELECT
        CAST(DATE_TRUNC('month', bookings.booked_at) AS DATE) AS month_start,
        bookings.lead_days,
        CASE WHEN bookings.lead_days >= 0 THEN 1 ELSE 0 END AS counted,
        COUNT(*) AS bookings
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        NOT bookings.is_deleted
        AND bookings.status IN ('pending', 'confirmed')
        AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
    GROUP BY CAST(DATE_TRUNC('month', bookings.booked_at) AS DATE), bookings.lead_days
),

-- How many of the month's bookings have at most this lead time.
ranked AS (
    SELECT
        month_start,
        lead_days,
        counted,
        bookings,
        SUM(bookings) OVER (
            PARTITION BY month_start, counted ORDER BY lead_days ROWS UNBOUNDED PRECEDING
        ) AS bookings_up_to,
        SUM(bookings) OVER (PARTITION BY month_start, counted) AS month_bookings
    FROM lead_times
),

-- Of the two bookings in the middle, which are one where their number is odd, each has one lead time.
middled AS (
    SELECT
        month_start,
        lead_days,
        counted,
        bookings,
        CASE
            WHEN
                counted = 1
                AND 2 * (bookings_up_to - bookings) < month_bookings
                AND month_bookings <= 2 * bookings_up_to
                THEN lead_days
        END AS lower_middle_days,
        CASE
            WHEN
                counted = 1
                AND 2 * (bookings_up_to - bookings) <= month_bookings
                AND month_bookings < 2 * bookings_up_to
                THEN lead_days
        END AS upper_middle_days
    FROM ranked
)

SELECT
    month_start,
    CAST(SUM(counted * bookings) AS BIGINT) AS bookings,
    CAST(SUM(counted * bookings * lead_days) AS BIGINT) AS lead_days,
    CAST(SUM(lower_middle_days) + SUM(upper_middle_days) AS BIGINT) AS _middle_days,
    2 AS _middle_bookings,
    CAST(SUM(CASE WHEN lead_days BETWEEN 0 AND 1 THEN bookings ELSE 0 END) AS BIGINT) AS days_0_to_1,
    CAST(SUM(CASE WHEN lead_days BETWEEN 2 AND 7 THEN bookings ELSE 0 END) AS BIGINT) AS days_2_to_7,
    CAST(SUM(CASE WHEN lead_days BETWEEN 8 AND 14 THEN bookings ELSE 0 END) AS BIGINT) AS days_8_to_14,
    CAST(SUM(CASE WHEN lead_days BETWEEN 15 AND 30 THEN bookings ELSE 0 END) AS BIGINT) AS days_15_to_30,
    CAST(SUM(CASE WHEN lead_days BETWEEN 31 AND 60 THEN bookings ELSE 0 END) AS BIGINT) AS days_31_to_60,
    CAST(SUM(CASE WHEN lead_days BETWEEN 61 AND 90 THEN bookings ELSE 0 END) AS BIGINT) AS days_61_to_90,
    CAST(SUM(CASE WHEN lead_days >= 91 THEN bookings ELSE 0 END) AS BIGINT) AS days_91_and_more,
    CAST(SUM((1 - counted) * bookings) AS BIGINT) AS booked_after_checkin
FROM middled
GROUP BY month_start
