WITH as_of AS (
    SELECT as_of FROM ops.run_parameters
),

last_price AS (
    SELECT
        week_start,
        average_price_usd
    FROM presentation.average_listing_price_weekly
    ORDER BY week_start DESC
    LIMIT 1
),

last_occupancy AS (
    SELECT
        occupancy_rate_monthly.month_start,
        occupancy_rate_monthly.occupancy_rate
    FROM presentation.occupancy_rate_monthly
    CROSS JOIN as_of
    WHERE CAST(occupancy_rate_monthly.month_start + INTERVAL 1 MONTH AS DATE) <= as_of.as_of + INTERVAL 1 DAY
    ORDER BY occupancy_rate_monthly.month_start DESC
    LIMIT 1
),

last_location AS (
    SELECT
        week_start,
        city,
        bookings
    FROM presentation.popular_locations_weekly
    WHERE location_rank = 1
    ORDER BY week_start DESC
    LIMIT 1
),

last_listing AS (
    SELECT
        week_start,
        title,
        confirmed_revenue_usd
    FROM presentation.top_listings_weekly
    WHERE revenue_rank = 1
    ORDER BY week_start DESC
    LIMIT 1
),

last_users AS (
    SELECT
        week_start,
        COUNT(*) AS users,
        SUM(bookings) AS bookings
    FROM presentation.bookings_per_user_weekly
    WHERE bookings > 0
    GROUP BY week_start
    ORDER BY week_start DESC
    LIMIT 1
),

last_duration AS (
    SELECT
        booking_duration_monthly.month_start,
        booking_duration_monthly.average_stay_nights
    FROM presentation.booking_duration_monthly
    CROSS JOIN as_of
    WHERE CAST(booking_duration_monthly.month_start + INTERVAL 1 MONTH AS DATE) <= as_of.as_of + INTERVAL 1 DAY
    ORDER BY booking_duration_monthly.month_start DESC
    LIMIT 1
),

last_repeat AS (
    SELECT
        calendar_date,
        repeat_customer_rate
    FROM presentation.repeat_customer_rate_daily
    ORDER BY calendar_date DESC
    LIMIT 1
)

SELECT
    'Average price of an active listing, USD per night' AS metric,
    'week of ' || week_start AS "period",
    CAST(average_price_usd AS VARCHAR) AS "value"
FROM last_price
UNION ALL
SELECT
    'Occupancy, share of available nights booked',
    'month of ' || month_start,
    CAST(ROUND(100 * occupancy_rate, 1) AS VARCHAR) || ' %'
FROM last_occupancy
UNION ALL
SELECT
    'Most booked city',
    'week of ' || week_start,
    city || ' (' || bookings || ' bookings)'
FROM last_location
UNION ALL
SELECT
    'Top listing by confirmed revenue',
    'week of ' || week_start,
    COALESCE(title, 'untitled') || ' (' || confirmed_revenue_usd || ' USD)'
FROM last_listing
UNION ALL
SELECT
    'Bookings, and users who booked',
    'week of ' || week_start,
    bookings || ' by ' || users
FROM last_users
UNION ALL
SELECT
    'Average stay, nights',
    'check-ins of ' || month_start,
    CAST(average_stay_nights AS VARCHAR)
FROM last_duration
UNION ALL
SELECT
    'Repeat customers, 30 days',
    'to ' || calendar_date,
    CAST(ROUND(100 * repeat_customer_rate, 1) AS VARCHAR) || ' %'
FROM last_repeat
