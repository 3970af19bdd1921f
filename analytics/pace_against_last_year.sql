-- Are more nights on the books for the coming months than there were at this time last year?
--
-- How to read it: confirmed stays that are still to come, by the month of their check-in, beside those that
-- had been booked by the same day a year before. Stays canceled since are in neither; last year's had a
-- year longer to be canceled, so a small lead is none yet. Where nights are ahead and revenue is not, the
-- nights were sold for less.
WITH stays AS (
    SELECT
        bookings.checkin_date,
        bookings.stay_nights,
        bookings.reporting_total_price,
        CAST(bookings.booked_at AS DATE) AS booked_date,
        run_parameters.as_of,
        run_parameters.reporting_currency,
        CAST(run_parameters.as_of - INTERVAL '12 months' AS DATE) AS a_year_before
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE NOT bookings.is_deleted AND bookings.status = 'confirmed'
),

compared AS (
    SELECT
        CAST(DATE_TRUNC('month', checkin_date) AS DATE) AS stay_month,
        stay_nights AS nights,
        0 AS nights_a_year_before,
        reporting_total_price AS revenue,
        0 AS revenue_a_year_before,
        reporting_currency
    FROM stays
    WHERE checkin_date > as_of AND booked_date <= as_of
    UNION ALL
    SELECT
        CAST(DATE_TRUNC('month', checkin_date) + INTERVAL '12 months' AS DATE) AS stay_month,
        0 AS nights,
        stay_nights AS nights_a_year_before,
        0 AS revenue,
        reporting_total_price AS revenue_a_year_before,
        reporting_currency
    FROM stays
    WHERE checkin_date > a_year_before AND booked_date <= a_year_before
)

SELECT
    stay_month,
    SUM(nights) AS nights,
    SUM(nights_a_year_before) AS nights_a_year_before,
    ROUND(
        100.0 * (SUM(nights) - SUM(nights_a_year_before)) / NULLIF(SUM(nights_a_year_before), 0), 1
    ) AS nights_change_percent,
    SUM(revenue) AS revenue,
    SUM(revenue_a_year_before) AS revenue_a_year_before,
    ROUND(
        100.0 * (SUM(revenue) - SUM(revenue_a_year_before)) / NULLIF(SUM(revenue_a_year_before), 0), 1
    ) AS revenue_change_percent,
    MAX(reporting_currency) AS currency
FROM compared
GROUP BY stay_month
ORDER BY stay_month
