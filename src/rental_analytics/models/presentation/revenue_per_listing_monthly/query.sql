WITH months AS (
    SELECT
        months.month_start,
        LEAST(months.next_month_start, CAST(run_parameters.as_of + INTERVAL 1 DAY AS DATE)) AS end_date
    FROM intermediate.months AS months
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE months.month_start <= run_parameters.as_of
),

revenue AS (
    SELECT
        listing_id,
        month_start,
        SUM(revenue) AS revenue
    FROM intermediate.stay_months
    WHERE kind = 'now'
    GROUP BY listing_id, month_start
),

nights AS (
    SELECT
        revenue.listing_id,
        revenue.month_start,
        revenue.revenue,
        periods.kind,
        DATE_DIFF(
            'day', GREATEST(periods.start_date, months.month_start), LEAST(periods.end_date, months.end_date)
        ) AS nights
    FROM revenue
    INNER JOIN months ON revenue.month_start = months.month_start
    INNER JOIN intermediate.listing_night_periods AS periods
        ON
            revenue.listing_id = periods.listing_id
            AND months.end_date > periods.start_date
            AND months.month_start < periods.end_date
)

SELECT
    nights.month_start,
    nights.listing_id,
    CAST(SUM(CASE WHEN nights.kind = 'booked' THEN nights.nights ELSE 0 END) AS BIGINT) AS nights,
    CAST(SUM(CASE WHEN nights.kind = 'available' THEN nights.nights ELSE 0 END) AS BIGINT)
        AS available_nights,
    CAST(nights.revenue AS DECIMAL(18, 2)) AS revenue,
    run_parameters.reporting_currency AS currency
FROM nights
CROSS JOIN ops.run_parameters AS run_parameters
GROUP BY nights.month_start, nights.listing_id, nights.revenue, run_parameters.reporting_currency
