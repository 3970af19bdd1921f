-- What kinds of listings are booked, for how long, and how far ahead?
--
-- How to read it: bookings made within the last 365 days. Averages are of kept bookings, pending or
-- confirmed; the share of cancellations is of all. Kinds that are booked far ahead can keep their prices;
-- those booked at the last moment can react to demand.
WITH bookings AS (
    SELECT
        COALESCE(attributes.category, 'Unknown') AS category,
        bookings.listing_id,
        bookings.stay_nights,
        bookings.lead_days,
        bookings.reporting_total_price,
        run_parameters.reporting_currency,
        CASE WHEN bookings.status = 'canceled' THEN 0 ELSE 1 END AS kept
    FROM curated.bookings AS bookings
    CROSS JOIN ops.run_parameters AS run_parameters
    LEFT JOIN curated.listing_attributes AS attributes ON bookings.listing_id = attributes.listing_id
    WHERE
        NOT bookings.is_deleted
        AND CAST(bookings.booked_at AS DATE) > run_parameters.as_of - 365
        AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of
)

SELECT
    category,
    COUNT(DISTINCT listing_id) AS booked_listings,
    SUM(kept) AS kept_bookings,
    ROUND(100.0 * (COUNT(*) - SUM(kept)) / COUNT(*), 1) AS canceled_percent,
    ROUND(1.0 * SUM(kept * stay_nights) / NULLIF(SUM(kept), 0), 1) AS average_nights,
    ROUND(1.0 * SUM(kept * lead_days) / NULLIF(SUM(kept), 0), 1) AS average_lead_days,
    ROUND(SUM(kept * reporting_total_price) / NULLIF(SUM(kept * stay_nights), 0), 2) AS price_per_night,
    MAX(reporting_currency) AS currency
FROM bookings
GROUP BY category
ORDER BY SUM(kept) DESC, category ASC
