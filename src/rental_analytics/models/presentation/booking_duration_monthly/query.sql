WITH stays AS (
    SELECT
        stay_nights,
        CAST(DATE_TRUNC('month', checkin_date) AS DATE) AS month_start
    FROM curated.bookings
    WHERE NOT is_deleted AND status = 'confirmed'
),

monthly_stays AS (
    SELECT
        month_start,
        COUNT(*) AS confirmed_bookings,
        CAST(SUM(stay_nights) AS BIGINT) AS stay_nights
    FROM stays
    GROUP BY month_start
),

-- Half a hundredth rounds up: floor((200 * nights + bookings) / (2 * bookings)). With the remainder taken off
-- first the quotient is a whole number, exact in whatever type an engine divides.
rounding AS (
    SELECT
        month_start,
        confirmed_bookings,
        stay_nights,
        stay_nights * 200 + confirmed_bookings AS dividend,
        confirmed_bookings * 2 AS divisor
    FROM monthly_stays
)

SELECT
    month_start,
    confirmed_bookings,
    stay_nights,
    CAST(
        CAST(ROUND((dividend - dividend % divisor) / divisor) AS BIGINT) * 0.01 AS DECIMAL(10, 2)
    ) AS average_stay_nights
FROM rounding
