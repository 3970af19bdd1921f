WITH fixings AS (
    SELECT
        rate_date,
        currency,
        usd_per_unit
    FROM raw_data.exchange_rate_fixings
),

days AS (
    SELECT rate_date FROM raw_data.exchange_rate_days
),

first_fixings AS (
    SELECT
        currency,
        MIN(rate_date) AS first_date
    FROM fixings
    GROUP BY currency
),

currency_days AS (
    SELECT
        days.rate_date,
        first_fixings.currency
    FROM days
    CROSS JOIN first_fixings
    WHERE days.rate_date >= first_fixings.first_date
),

known_rates AS (
    SELECT
        currency_days.rate_date,
        currency_days.currency,
        fixings.usd_per_unit
    FROM currency_days
    LEFT JOIN fixings
        ON
            currency_days.rate_date = fixings.rate_date
            AND currency_days.currency = fixings.currency
)

SELECT
    rate_date,
    currency,
    LAST_VALUE(usd_per_unit IGNORE NULLS) OVER (
        PARTITION BY currency
        ORDER BY rate_date
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS usd_per_unit
FROM known_rates
