-- How many of those who see a listing book it, month by month?
--
-- How to read it: viewers are pairs of a user and a listing, in the month in which the week of their first
-- view began; bookers booked that listing within 30 days. Weeks whose 30 days are not over are left out.
-- Where wishes stay and bookings fall, guests like what they see and do not like the price or the way to
-- book.
WITH months AS (
    SELECT
        CAST(DATE_TRUNC('month', week_start) AS DATE) AS month_start,
        SUM(viewers) AS viewers,
        SUM(wishlisters) AS wishlisters,
        SUM(bookers) AS bookers
    FROM presentation.conversion_funnel_weekly
    WHERE open_viewers = 0
    GROUP BY CAST(DATE_TRUNC('month', week_start) AS DATE)
)

SELECT
    month_start,
    viewers,
    wishlisters,
    bookers,
    ROUND(100.0 * wishlisters / viewers, 2) AS wishlisted_percent,
    ROUND(100.0 * bookers / viewers, 2) AS booked_percent
FROM months
ORDER BY month_start DESC
LIMIT 24
