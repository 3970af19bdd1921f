WITH stays AS (
    SELECT
        stay_nights,
        CAST(DATE_TRUNC('month', checkin_date) AS DATE) AS month_start
    FROM curated.bookings
    WHERE NOT is_deleted AND status = 'confirmed'
)

SELECT
    month_start,
    COUNT(*) AS confirmed_bookings,
    CAST(SUM(stay_nights) AS BIGINT) AS stay_nights
FROM stays
GROUP BY month_start
