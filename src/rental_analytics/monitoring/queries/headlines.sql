WITH periods AS (
    SELECT
        as_of,
        CAST(CAST(DATE_TRUNC('week', as_of + 1) AS DATE) - 7 AS DATE) AS whole_week,
        CAST(CAST(DATE_TRUNC('month', as_of + 1) AS DATE) - INTERVAL 1 MONTH AS DATE) AS whole_month
    FROM ops.run_parameters
),

users AS (
    SELECT
        week_start,
        COUNT(*) AS users,
        SUM(bookings) AS bookings
    FROM presentation.bookings_per_user_weekly
    WHERE bookings > 0
    GROUP BY week_start
)

SELECT
    'Average price of an active listing, USD per night' AS metric,
    'week of ' || CAST(weekly.week_start AS VARCHAR) AS "period",
    CAST(weekly.average_price_usd AS VARCHAR) AS "value"
FROM presentation.average_listing_price_weekly AS weekly
INNER JOIN periods ON weekly.week_start = periods.whole_week
UNION ALL
SELECT
    'Occupancy, share of available nights that were booked',
    'month of ' || CAST(monthly.month_start AS VARCHAR),
    CAST(CAST(100 * monthly.occupancy_rate AS DECIMAL(9, 1)) AS VARCHAR) || ' %'
FROM presentation.occupancy_rate_monthly AS monthly
INNER JOIN periods ON monthly.month_start = periods.whole_month
UNION ALL
SELECT
    'Most booked city',
    'week of ' || CAST(weekly.week_start AS VARCHAR),
    weekly.city || ', ' || CAST(weekly.bookings AS VARCHAR) || ' bookings'
FROM presentation.popular_locations_weekly AS weekly
INNER JOIN periods ON weekly.week_start = periods.whole_week
WHERE weekly.location_rank = 1
UNION ALL
SELECT
    'Top listing by confirmed revenue',
    'week of ' || CAST(weekly.week_start AS VARCHAR),
    COALESCE(weekly.title, 'listing ' || CAST(weekly.listing_id AS VARCHAR))
    || ', ' || CAST(weekly.confirmed_revenue_usd AS VARCHAR) || ' USD'
FROM presentation.top_listings_weekly AS weekly
INNER JOIN periods ON weekly.week_start = periods.whole_week
WHERE weekly.revenue_rank = 1
UNION ALL
SELECT
    'Bookings, and users who made them',
    'week of ' || CAST(users.week_start AS VARCHAR),
    CAST(users.bookings AS VARCHAR) || ' by ' || CAST(users.users AS VARCHAR) || ' users'
FROM users
INNER JOIN periods ON users.week_start = periods.whole_week
UNION ALL
SELECT
    'Average stay, nights',
    'check-ins in month of ' || CAST(monthly.month_start AS VARCHAR),
    CAST(monthly.average_stay_nights AS VARCHAR)
FROM presentation.booking_duration_monthly AS monthly
INNER JOIN periods ON monthly.month_start = periods.whole_month
UNION ALL
SELECT
    'Customers of the last 30 days who booked twice or more',
    'to ' || CAST(daily.calendar_date AS VARCHAR),
    CAST(CAST(100 * daily.repeat_customer_rate AS DECIMAL(9, 1)) AS VARCHAR) || ' %'
FROM presentation.repeat_customer_rate_daily AS daily
INNER JOIN periods ON daily.calendar_date = periods.as_of
