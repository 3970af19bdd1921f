-- How does each month compare with the same month a year before?
--
-- How to read it: a month is compared with itself, so seasons do not disturb. The newest month is left out,
-- since it may not be over. Where revenue grew more than booked nights, guests paid more for a night; where
-- it grew less, they paid less.
WITH months AS (
    SELECT
        month_start,
        booked_nights,
        revenue,
        currency,
        CAST(month_start + INTERVAL '12 months' AS DATE) AS month_a_year_later
    FROM presentation.stay_revenue_monthly
),

newest AS (
    SELECT MAX(month_start) AS month_start
    FROM months
)

SELECT
    months.month_start,
    months.revenue,
    earlier.revenue AS revenue_a_year_before,
    ROUND(100.0 * (months.revenue - earlier.revenue) / NULLIF(earlier.revenue, 0), 1) AS revenue_change_percent,
    ROUND(
        100.0 * (months.booked_nights - earlier.booked_nights) / NULLIF(earlier.booked_nights, 0), 1
    ) AS nights_change_percent,
    months.currency
FROM months
INNER JOIN months AS earlier ON months.month_start = earlier.month_a_year_later
CROSS JOIN newest
WHERE months.month_start < newest.month_start
ORDER BY months.month_start DESC
