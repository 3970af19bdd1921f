-- How many nights are lost in gaps between two stays?
--
-- How to read it: gaps of one to seven nights between confirmed stays of one listing that ended within the
-- last 365 days. Gaps shorter than the usual stay are hard to sell: a lower minimum stay or a discount for
-- these nights fills them. Whether the listing was on offer in the gap is not looked at.
WITH stays AS (
    SELECT
        bookings.listing_id,
        bookings.checkin_date,
        MAX(bookings.checkout_date) OVER (
            PARTITION BY bookings.listing_id ORDER BY bookings.checkin_date ASC, bookings.booking_id ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS last_checkout_date
    FROM curated.bookings AS bookings
    WHERE NOT bookings.is_deleted AND bookings.status = 'confirmed'
),

gaps AS (
    SELECT stays.checkin_date - stays.last_checkout_date AS gap_nights
    FROM stays
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        stays.checkin_date > stays.last_checkout_date
        AND stays.checkin_date <= run_parameters.as_of
        AND stays.last_checkout_date > run_parameters.as_of - 365
)

SELECT
    gap_nights,
    COUNT(*) AS gaps,
    SUM(gap_nights) AS nights_in_gaps
FROM gaps
WHERE gap_nights <= 7
GROUP BY gap_nights
ORDER BY gap_nights
