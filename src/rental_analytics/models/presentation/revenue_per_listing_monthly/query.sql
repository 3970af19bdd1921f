WITH months AS (
    SELECT
        months.month_start,
        LEAST(months.next_month_start, CAST(run_parameters.as_of + INTERVAL 1 DAY AS DATE)) AS end_date,
        run_parameters.reporting_currency AS currency
    FROM intermediate.months AS months
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE months.month_start <= run_parameters.as_of
),

-- Booked periods in one month, those over a month's end in each month that they touch, and what stays bring.
stays AS (
    SELECT
        listing_id,
        CAST(DATE_TRUNC('month', start_date) AS DATE) AS month_start,
        DATE_DIFF('day', start_date, end_date) AS nights,
        CAST(0 AS DECIMAL(18, 2)) AS revenue
    FROM intermediate.listing_night_periods
    WHERE
        kind = 'booked'
        AND end_date <= CAST(DATE_TRUNC('month', start_date) + INTERVAL 1 MONTH AS DATE)
    UNION ALL
    SELECT
        periods.listing_id,
        months.month_start,
        DATE_DIFF(
            'day', GREATEST(periods.start_date, months.month_start), LEAST(periods.end_date, months.end_date)
        ) AS nights,
        CAST(0 AS DECIMAL(18, 2)) AS revenue
    FROM intermediate.listing_night_periods AS periods
    INNER JOIN months ON periods.start_date < months.end_date AND periods.end_date > months.month_start
    WHERE
        periods.kind = 'booked'
        AND periods.end_date > CAST(DATE_TRUNC('month', periods.start_date) + INTERVAL 1 MONTH AS DATE)
    UNION ALL
    SELECT
        listing_id,
        month_start,
        0 AS nights,
        revenue
    FROM intermediate.stay_months
    WHERE kind = 'now'
),

booked AS (
    SELECT
        listing_id,
        month_start,
        SUM(nights) AS nights,
        SUM(revenue) AS revenue
    FROM stays
    GROUP BY listing_id, month_start
)

SELECT
    booked.month_start,
    booked.listing_id,
    CAST(booked.nights AS BIGINT) AS nights,
    CAST(SUM(
        DATE_DIFF(
            'day', GREATEST(periods.start_date, months.month_start), LEAST(periods.end_date, months.end_date)
        )
    ) AS BIGINT) AS available_nights,
    CAST(booked.revenue AS DECIMAL(18, 2)) AS revenue,
    months.currency
FROM booked
INNER JOIN months ON booked.month_start = months.month_start
INNER JOIN intermediate.listing_night_periods AS periods
    ON
        booked.listing_id = periods.listing_id
        AND months.end_date > periods.start_date
        AND months.month_start < periods.end_date
WHERE periods.kind = 'available'
GROUP BY booked.month_start, booked.listing_id, booked.nights, booked.revenue, months.currency
