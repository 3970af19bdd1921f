-- How much do customers bring who have booked before?
--
-- How to read it: the price of confirmed bookings by the month in which they were made. A customer is new
-- with the first kept booking, pending or confirmed, and returning with every later one. The newest month
-- may not be over. A rising share of returning customers means that the marketplace keeps its guests, or
-- that it finds no new ones: look at the amounts, too.
WITH numbered AS (
    SELECT
        bookings.booked_at,
        bookings.status,
        bookings.reporting_total_price,
        run_parameters.reporting_currency,
        ROW_NUMBER() OVER (
            PARTITION BY bookings.user_id ORDER BY bookings.booked_at ASC, bookings.booking_id ASC
        ) AS booking_number
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        NOT bookings.is_deleted
        AND bookings.status IN ('pending', 'confirmed')
        AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
),

months AS (
    SELECT
        CAST(DATE_TRUNC('month', booked_at) AS DATE) AS month_start,
        SUM(CASE WHEN booking_number = 1 THEN reporting_total_price ELSE 0 END) AS revenue_of_new,
        SUM(CASE WHEN booking_number > 1 THEN reporting_total_price ELSE 0 END) AS revenue_of_returning,
        SUM(reporting_total_price) AS revenue,
        MAX(reporting_currency) AS currency
    FROM numbered
    WHERE status = 'confirmed'
    GROUP BY CAST(DATE_TRUNC('month', booked_at) AS DATE)
)

SELECT
    month_start,
    revenue_of_new,
    revenue_of_returning,
    ROUND(100.0 * revenue_of_returning / NULLIF(revenue, 0), 1) AS returning_percent,
    currency
FROM months
ORDER BY month_start DESC
LIMIT 24
