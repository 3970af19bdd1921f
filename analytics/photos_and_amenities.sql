-- Are listings with photos and many amenities booked more?
--
-- How to read it: the listings that are on offer today, by whether they have photos and by how many
-- amenities they name. Nights and revenue are those of the twelve months before the newest one, of each
-- listing on average. A difference is no proof: listings with photos may also be in better places, or
-- older.
WITH newest AS (
    SELECT MAX(month_start) AS month_start
    FROM presentation.revenue_per_listing_monthly
),

earned AS (
    SELECT
        months.listing_id,
        SUM(months.nights) AS nights,
        SUM(months.revenue) AS revenue
    FROM presentation.revenue_per_listing_monthly AS months
    CROSS JOIN newest
    WHERE
        months.month_start < newest.month_start
        AND months.month_start >= CAST(newest.month_start - INTERVAL '12 months' AS DATE)
    GROUP BY months.listing_id
),

listings AS (
    SELECT
        listings.listing_id,
        run_parameters.reporting_currency,
        CASE WHEN attributes.has_photo THEN 'with photos' ELSE 'without photos' END AS photos,
        CASE
            WHEN COALESCE(attributes.amenity_count, 0) < 4 THEN '0 to 3'
            WHEN attributes.amenity_count < 8 THEN '4 to 7'
            ELSE '8 and more'
        END AS amenities
    FROM curated.listings AS listings
    CROSS JOIN ops.run_parameters AS run_parameters
    LEFT JOIN curated.listing_attributes AS attributes ON listings.listing_id = attributes.listing_id
    WHERE listings.is_active AND NOT listings.is_deleted
)

SELECT
    listings.photos,
    listings.amenities,
    COUNT(*) AS listings,
    ROUND(1.0 * SUM(COALESCE(earned.nights, 0)) / COUNT(*), 1) AS nights_per_listing,
    ROUND(SUM(COALESCE(earned.revenue, 0)) / COUNT(*), 2) AS revenue_per_listing,
    MAX(listings.reporting_currency) AS currency
FROM listings
LEFT JOIN earned ON listings.listing_id = earned.listing_id
GROUP BY listings.photos, listings.amenities
ORDER BY listings.photos, listings.amenities
