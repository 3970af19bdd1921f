-- Which listings are on offer and are not booked?
--
-- How to read it: listings that are active, are at least 90 days old, and have neither a confirmed night in
-- the last 90 days nor one to come. Those that were looked at often come first: there is demand, and
-- something on the page or in the price puts guests off. Those that nobody looked at have to be found
-- first.
WITH busy AS (
    SELECT DISTINCT bookings.listing_id
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        NOT bookings.is_deleted
        AND bookings.status = 'confirmed'
        AND bookings.checkout_date > run_parameters.as_of - 89
),

looked_at AS (
    SELECT
        viewings.listing_id,
        COUNT(*) AS views
    FROM curated.viewings AS viewings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        CAST(viewings.viewed_at AS DATE) > run_parameters.as_of - 90
        AND CAST(viewings.viewed_at AS DATE) <= run_parameters.as_of
    GROUP BY viewings.listing_id
)

SELECT
    listings.listing_id,
    listings.title,
    attributes.city,
    CAST(listings.created_at AS DATE) AS created_on,
    listings.reporting_price,
    run_parameters.reporting_currency AS currency,
    COALESCE(looked_at.views, 0) AS views_in_90_days
FROM curated.listings AS listings
CROSS JOIN ops.run_parameters AS run_parameters
LEFT JOIN curated.listing_attributes AS attributes ON listings.listing_id = attributes.listing_id
LEFT JOIN looked_at ON listings.listing_id = looked_at.listing_id
LEFT JOIN busy ON listings.listing_id = busy.listing_id
WHERE
    listings.is_active
    AND NOT listings.is_deleted
    AND CAST(listings.created_at AS DATE) <= run_parameters.as_of - 90
    AND busy.listing_id IS NULL
ORDER BY COALESCE(looked_at.views, 0) DESC, listings.listing_id ASC
LIMIT 50
