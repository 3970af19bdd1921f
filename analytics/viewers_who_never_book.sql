-- Which users look at many listings and have never booked?
--
-- How to read it: users who were signed in and looked at a listing within the last 180 days, and who never
-- made a booking, whatever became of it. Those who look most come first: they want to travel, and have not
-- found the listing, the price or the trust. Views of users who were not signed in belong to nobody.
WITH viewers AS (
    SELECT
        viewings.user_id,
        COUNT(*) AS views,
        COUNT(DISTINCT viewings.listing_id) AS listings_seen,
        SUM(CASE WHEN viewings.is_wishlisted THEN 1 ELSE 0 END) AS wishes,
        MAX(viewings.viewed_at) AS last_viewed_at
    FROM curated.viewings AS viewings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        viewings.user_id IS NOT NULL
        AND CAST(viewings.viewed_at AS DATE) > run_parameters.as_of - 180
        AND CAST(viewings.viewed_at AS DATE) <= run_parameters.as_of
    GROUP BY viewings.user_id
),

customers AS (
    SELECT DISTINCT user_id
    FROM curated.bookings
    WHERE NOT is_deleted
)

SELECT
    viewers.user_id,
    viewers.views,
    viewers.listings_seen,
    viewers.wishes,
    viewers.last_viewed_at
FROM viewers
LEFT JOIN customers ON viewers.user_id = customers.user_id
WHERE customers.user_id IS NULL
ORDER BY viewers.views DESC, viewers.user_id ASC
LIMIT 50
