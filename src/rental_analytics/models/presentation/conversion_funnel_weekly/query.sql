WITH bookings AS (
    SELECT
        bookings.user_id,
        bookings.listing_id,
        bookings.booked_at
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        NOT bookings.is_deleted
        AND bookings.status IN ('pending', 'confirmed')
        AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
),

bookers AS (
    SELECT DISTINCT
        first_viewings.user_id,
        first_viewings.listing_id
    FROM intermediate.first_viewings AS first_viewings
    INNER JOIN bookings
        ON
            first_viewings.user_id = bookings.user_id
            AND first_viewings.listing_id = bookings.listing_id
            AND first_viewings.first_viewed_at <= bookings.booked_at
            AND bookings.booked_at <= first_viewings.first_viewed_at + INTERVAL 30 DAY
)

SELECT
    CAST(DATE_TRUNC('week', first_viewings.first_viewed_at) AS DATE) AS week_start,
    COUNT(*) AS viewers,
    CAST(SUM(first_viewings.wishlisted) AS BIGINT) AS wishlisters,
    COUNT(bookers.user_id) AS bookers,
    CAST(SUM(
        CASE
            WHEN CAST(first_viewings.first_viewed_at + INTERVAL 30 DAY AS DATE) > run_parameters.as_of THEN 1
            ELSE 0
        END
    ) AS BIGINT) AS open_viewers
FROM intermediate.first_viewings AS first_viewings
CROSS JOIN ops.run_parameters AS run_parameters
LEFT JOIN bookers
    ON first_viewings.user_id = bookers.user_id AND first_viewings.listing_id = bookers.listing_id
GROUP BY CAST(DATE_TRUNC('week', first_viewings.first_viewed_at) AS DATE)
