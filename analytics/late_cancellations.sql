-- How late do guests cancel?
--
-- How to read it: cancellations within the last 365 days, by the days left to check-in. Nights canceled in
-- the last week are hardly sold again, so canceled_value of the first rows is money that is mostly lost. A
-- cancellation is known to the moment from the first run on; of one before that, the moment is when the
-- booking last changed.
WITH canceled_versions AS (
    SELECT
        booking_id,
        MIN(valid_from) AS canceled_at
    FROM curated.booking_versions
    WHERE status = 'canceled'
    GROUP BY booking_id
),

cancellations AS (
    SELECT
        bookings.reporting_total_price,
        run_parameters.reporting_currency,
        bookings.checkin_date - CAST(canceled_versions.canceled_at AS DATE) AS days_left
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    INNER JOIN canceled_versions ON bookings.booking_id = canceled_versions.booking_id
    WHERE
        NOT bookings.is_deleted
        AND bookings.status = 'canceled'
        AND CAST(canceled_versions.canceled_at AS DATE) > run_parameters.as_of - 365
        AND CAST(canceled_versions.canceled_at AS DATE) <= run_parameters.as_of
),

grouped AS (
    SELECT
        reporting_total_price,
        reporting_currency,
        CASE
            WHEN days_left < 0 THEN '0: after check-in'
            WHEN days_left <= 1 THEN '1: to 1 day before'
            WHEN days_left <= 7 THEN '2: 2 to 7 days before'
            WHEN days_left <= 30 THEN '3: 8 to 30 days before'
            ELSE '4: 31 days and more before'
        END AS time_left
    FROM cancellations
)

SELECT
    time_left,
    COUNT(*) AS canceled_bookings,
    ROUND(100.0 * COUNT(*) / SUM(COUNT(*)) OVER (), 1) AS share_percent,
    SUM(reporting_total_price) AS canceled_value,
    MAX(reporting_currency) AS currency
FROM grouped
GROUP BY time_left
ORDER BY time_left
