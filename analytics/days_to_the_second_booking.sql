-- How long does it take a customer to book again?
--
-- How to read it: users whose first kept booking, pending or confirmed, is at least a year old, by the days
-- to their second one. Where most come back within a month, a reminder after a year is late. The last row
-- are those who have not come back so far.
WITH numbered AS (
    SELECT
        bookings.user_id,
        bookings.booked_at,
        run_parameters.as_of,
        ROW_NUMBER() OVER (
            PARTITION BY bookings.user_id ORDER BY bookings.booked_at ASC, bookings.booking_id ASC
        ) AS booking_number
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        NOT bookings.is_deleted
        AND bookings.status IN ('pending', 'confirmed')
        AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
),

customers AS (
    SELECT
        user_id,
        MAX(as_of) AS as_of,
        CAST(MAX(CASE WHEN booking_number = 1 THEN booked_at END) AS DATE) AS first_booked_on,
        CAST(MAX(CASE WHEN booking_number = 2 THEN booked_at END) AS DATE) AS second_booked_on
    FROM numbered
    WHERE booking_number <= 2
    GROUP BY user_id
),

grouped AS (
    SELECT
        CASE
            WHEN second_booked_on IS NULL THEN '6: not so far'
            WHEN second_booked_on - first_booked_on <= 7 THEN '1: within a week'
            WHEN second_booked_on - first_booked_on <= 30 THEN '2: 8 to 30 days'
            WHEN second_booked_on - first_booked_on <= 90 THEN '3: 31 to 90 days'
            WHEN second_booked_on - first_booked_on <= 365 THEN '4: 91 to 365 days'
            ELSE '5: after more than a year'
        END AS time_to_second_booking
    FROM customers
    WHERE first_booked_on <= as_of - 365
)

SELECT
    time_to_second_booking,
    COUNT(*) AS customers,
    ROUND(100.0 * COUNT(*) / SUM(COUNT(*)) OVER (), 1) AS share_percent
FROM grouped
GROUP BY time_to_second_booking
ORDER BY time_to_second_booking
