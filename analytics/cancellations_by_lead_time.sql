-- Are bookings made far ahead canceled more often?
--
-- How to read it: bookings whose check-in lies within the last 365 days, so that what became of them is
-- known. Where the share rises with the lead time, a deposit or a deadline for free cancellation matters
-- most for early bookings. canceled_value is the price of what was canceled.
WITH bookings AS (
    SELECT
        bookings.reporting_total_price,
        run_parameters.reporting_currency,
        CASE WHEN bookings.status = 'canceled' THEN 1 ELSE 0 END AS canceled,
        CASE
            WHEN bookings.lead_days <= 1 THEN '1: to 1 day'
            WHEN bookings.lead_days <= 7 THEN '2: 2 to 7 days'
            WHEN bookings.lead_days <= 30 THEN '3: 8 to 30 days'
            WHEN bookings.lead_days <= 60 THEN '4: 31 to 60 days'
            WHEN bookings.lead_days <= 90 THEN '5: 61 to 90 days'
            ELSE '6: 91 days and more'
        END AS lead_time
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        NOT bookings.is_deleted
        AND bookings.checkin_date > run_parameters.as_of - 365
        AND bookings.checkin_date <= run_parameters.as_of
        AND CAST(bookings.booked_at AS DATE) <= bookings.checkin_date
)

SELECT
    lead_time,
    COUNT(*) AS bookings,
    SUM(canceled) AS canceled_bookings,
    ROUND(100.0 * SUM(canceled) / COUNT(*), 1) AS canceled_percent,
    SUM(canceled * reporting_total_price) AS canceled_value,
    MAX(reporting_currency) AS currency
FROM bookings
GROUP BY lead_time
ORDER BY lead_time
