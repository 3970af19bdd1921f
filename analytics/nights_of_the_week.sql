-- Which nights of the week are booked, and what do they bring?
--
-- How to read it: nights of confirmed stays within the last 364 days, in which each day of the week comes
-- as often. With a share above 14.3 percent a night is booked more than an average one. Where it is booked
-- more and does not bring more, there is room for a higher price. The price of a stay is spread evenly over
-- its nights.
WITH nights AS (
    SELECT
        calendar.calendar_date - calendar.week_start + 1 AS weekday_number,
        bookings.reporting_total_price / bookings.stay_nights AS price,
        run_parameters.reporting_currency
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    INNER JOIN curated.calendar AS calendar
        ON bookings.checkin_date <= calendar.calendar_date AND bookings.checkout_date > calendar.calendar_date
    WHERE
        NOT bookings.is_deleted
        AND bookings.status = 'confirmed'
        AND bookings.checkout_date > run_parameters.as_of - 364
        AND calendar.calendar_date > run_parameters.as_of - 364
        AND calendar.calendar_date <= run_parameters.as_of
),

weekdays AS (
    SELECT
        weekday_number,
        COUNT(*) AS nights,
        SUM(price) AS revenue,
        MAX(reporting_currency) AS currency
    FROM nights
    GROUP BY weekday_number
)

SELECT
    weekday_number,
    CASE weekday_number
        WHEN 1 THEN 'Monday'
        WHEN 2 THEN 'Tuesday'
        WHEN 3 THEN 'Wednesday'
        WHEN 4 THEN 'Thursday'
        WHEN 5 THEN 'Friday'
        WHEN 6 THEN 'Saturday'
        ELSE 'Sunday'
    END AS weekday,
    nights,
    ROUND(100.0 * nights / SUM(nights) OVER (), 1) AS share_percent,
    ROUND(revenue / nights, 2) AS revenue_per_night,
    currency
FROM weekdays
ORDER BY weekday_number
