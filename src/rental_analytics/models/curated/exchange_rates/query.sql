WITH fixings AS (
    SELECT
        rate_date,
        currency,
        usd_per_unit
    FROM raw_data.exchange_rate_fixings
),

fixing_days AS (
    SELECT DISTINCT rate_date
    FROM fixings
),

-- The newest day up to each on which any currency had a fixing.
days AS (
    SELECT
        all_days.rate_date,
        MAX(fixing_days.rate_date) OVER (
            ORDER BY all_days.rate_date
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS newest_fixing_date
    FROM raw_data.exchange_rate_days AS all_days
    LEFT JOIN fixing_days ON all_days.rate_date = fixing_days.rate_date
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
        days.newest_fixing_date,
        first_fixings.currency
    FROM days
    CROSS JOIN first_fixings
    WHERE days.rate_date >= first_fixings.first_date
),

fixed_days AS (
    SELECT
        currency_days.rate_date,
        currency_days.newest_fixing_date,
        currency_days.currency,
        MAX(fixings.rate_date) OVER (
            PARTITION BY currency_days.currency
            ORDER BY currency_days.rate_date
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS fixing_date
    FROM currency_days
    LEFT JOIN fixings
        ON
            currency_days.rate_date = fixings.rate_date
            AND currency_days.currency = fixings.currency
)

-- A currency that others left behind by more than 14 days has no rate; where all are silent, rates hold.
SELECT
    fixed_days.rate_date,
    fixed_days.currency,
    fixings.usd_per_unit
FROM fixed_days
INNER JOIN fixings
    ON
        fixed_days.fixing_date = fixings.rate_date
        AND fixed_days.currency = fixings.currency
WHERE DATE_DIFF('day', fixed_days.fixing_date, fixed_days.newest_fixing_date) <= 14
