WITH first_viewings AS (
    SELECT
        viewings.user_id,
        viewings.listing_id,
        MIN(viewings.viewed_at) AS first_viewed_at,
        MAX(CASE WHEN viewings.is_wishlisted THEN 1 ELSE 0 END) AS wishlisted
    FROM curated.viewings AS viewings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE viewings.user_id IS NOT NULL AND CAST(viewings.viewed_at AS DATE) <= run_parameters.as_of
    GROUP BY viewings.user_id, viewings.listing_id
),

bookings AS (
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
        first_viewings.listing_id,
        CAST(first_viewings.first_viewed_at AS DATE) AS first_date
    FROM first_viewings
    INNER JOIN bookings
        ON
            first_viewings.user_id = bookings.user_id
            AND first_viewings.listing_id = bookings.listing_id
            AND first_viewings.first_viewed_at <= bookings.booked_at
            AND bookings.booked_at <= first_viewings.first_viewed_at + INTERVAL 30 DAY
),

-- Of each day, so that not every pair is asked for its week.
days AS (
    SELECT
        CAST(first_viewed_at AS DATE) AS first_date,
        COUNT(*) AS viewers,
        SUM(wishlisted) AS wishlisters,
        0 AS bookers
    FROM first_viewings
    GROUP BY CAST(first_viewed_at AS DATE)
    UNION ALL
    SELECT
        first_date,
        0 AS viewers,
        0 AS wishlisters,
        COUNT(*) AS bookers
    FROM bookers
    GROUP BY first_date
)

SELECT
    CAST(DATE_TRUNC('week', days.first_date) AS DATE) AS week_start,
    CAST(SUM(days.viewers) AS BIGINT) AS viewers,
    CAST(SUM(days.wishlisters) AS BIGINT) AS wishlisters,
    CAST(SUM(days.bookers) AS BIGINT) AS bookers,
    CAST(SUM(
        CASE
            WHEN CAST(days.first_date + INTERVAL 30 DAY AS DATE) > run_parameters.as_of THEN days.viewers
            ELSE 0
        END
    ) AS BIGINT) AS open_viewers
FROM days
CROSS JOIN ops.run_parameters AS run_parameters
GROUP BY CAST(DATE_TRUNC('week', days.first_date) AS DATE)
