-- Which listings are booked less than a year ago?
--
-- How to read it: bookings made in the last 90 days, pending or confirmed, beside those of the same 90 days
-- a year before. A listing that is not on offer any more loses for that reason alone. For the others look
-- at price, pictures and reviews, the largest loss first.
WITH counted AS (
    SELECT
        bookings.listing_id,
        SUM(
            CASE WHEN CAST(bookings.booked_at AS DATE) > run_parameters.as_of - 90 THEN 1 ELSE 0 END
        ) AS bookings,
        SUM(
            CASE
                WHEN
                    CAST(bookings.booked_at AS DATE) > run_parameters.as_of - 365 - 90
                    AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of - 365
                    THEN 1
                ELSE 0
            END
        ) AS bookings_a_year_before
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        NOT bookings.is_deleted
        AND bookings.status IN ('pending', 'confirmed')
        AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
    GROUP BY bookings.listing_id
)

SELECT
    counted.listing_id,
    listings.title,
    attributes.city,
    COALESCE(listings.is_active AND NOT listings.is_deleted, FALSE) AS is_on_offer,
    counted.bookings_a_year_before,
    counted.bookings,
    counted.bookings_a_year_before - counted.bookings AS bookings_lost
FROM counted
LEFT JOIN curated.listings AS listings ON counted.listing_id = listings.listing_id
LEFT JOIN curated.listing_attributes AS attributes ON counted.listing_id = attributes.listing_id
WHERE counted.bookings < counted.bookings_a_year_before
ORDER BY counted.bookings_a_year_before - counted.bookings DESC, counted.listing_id ASC
LIMIT 20
