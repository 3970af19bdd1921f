-- Which listings are looked at and not booked?
--
-- How to read it: of the listings that more signed-in users looked at in the last 90 days than at an
-- average one, those with the fewest bookings for 100 viewers. Bookings are those made in the same days,
-- pending or confirmed, whoever made them. Compare price, photos and rules with listings of the city that
-- are booked.
WITH seen AS (
    SELECT
        viewings.listing_id,
        COUNT(DISTINCT viewings.user_id) AS viewers
    FROM curated.viewings AS viewings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        viewings.user_id IS NOT NULL
        AND CAST(viewings.viewed_at AS DATE) > run_parameters.as_of - 90
        AND CAST(viewings.viewed_at AS DATE) <= run_parameters.as_of
    GROUP BY viewings.listing_id
),

booked AS (
    SELECT
        bookings.listing_id,
        COUNT(*) AS bookings
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        NOT bookings.is_deleted
        AND bookings.status IN ('pending', 'confirmed')
        AND CAST(bookings.booked_at AS DATE) > run_parameters.as_of - 90
        AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
    GROUP BY bookings.listing_id
),

compared AS (
    SELECT
        seen.listing_id,
        seen.viewers,
        COALESCE(booked.bookings, 0) AS bookings,
        SUM(seen.viewers) OVER () AS all_viewers,
        COUNT(*) OVER () AS all_listings
    FROM seen
    LEFT JOIN booked ON seen.listing_id = booked.listing_id
)

SELECT
    compared.listing_id,
    listings.title,
    attributes.city,
    compared.viewers,
    compared.bookings,
    ROUND(100.0 * compared.bookings / compared.viewers, 1) AS bookings_per_100_viewers
FROM compared
INNER JOIN curated.listings AS listings ON compared.listing_id = listings.listing_id
LEFT JOIN curated.listing_attributes AS attributes ON compared.listing_id = attributes.listing_id
WHERE
    listings.is_active
    AND NOT listings.is_deleted
    AND compared.viewers * compared.all_listings > compared.all_viewers
ORDER BY
    100.0 * compared.bookings / compared.viewers ASC,
    compared.viewers DESC,
    compared.listing_id ASC
LIMIT 20
