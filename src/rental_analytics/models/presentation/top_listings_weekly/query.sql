WITH bookings AS (
    SELECT
        bookings.listing_id,
        bookings.reporting_total_price,
        CAST(DATE_TRUNC('week', bookings.booked_at) AS DATE) AS week_start
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        NOT bookings.is_deleted
        AND bookings.status = 'confirmed'
        AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
),

listings AS (
    SELECT
        listing_id,
        title
    FROM curated.listings
    WHERE NOT is_deleted
),

listing_attributes AS (
    SELECT
        listing_id,
        city,
        state
    FROM curated.listing_attributes
    WHERE NOT is_deleted
),

listing_revenue AS (
    SELECT
        week_start,
        listing_id,
        COUNT(*) AS confirmed_bookings,
        SUM(reporting_total_price) AS confirmed_revenue
    FROM bookings
    GROUP BY week_start, listing_id
),

ranked_listings AS (
    SELECT
        week_start,
        listing_id,
        confirmed_bookings,
        confirmed_revenue,
        ROW_NUMBER() OVER (
            PARTITION BY week_start ORDER BY confirmed_revenue DESC, listing_id ASC
        ) AS revenue_rank
    FROM listing_revenue
)

SELECT
    ranked.week_start,
    CAST(ranked.revenue_rank AS INTEGER) AS revenue_rank,
    ranked.listing_id,
    listings.title,
    attributes.city,
    attributes.state,
    ranked.confirmed_bookings,
    CAST(ranked.confirmed_revenue AS DECIMAL(18, 2)) AS confirmed_revenue,
    run_parameters.reporting_currency AS currency
FROM ranked_listings AS ranked
CROSS JOIN ops.run_parameters AS run_parameters
LEFT JOIN listings ON ranked.listing_id = listings.listing_id
LEFT JOIN listing_attributes AS attributes ON ranked.listing_id = attributes.listing_id
WHERE ranked.revenue_rank <= 10
