WITH fixings AS (
    SELECT
        rate_date,
        currency,
        rate,
        LEAD(rate_date) OVER (PARTITION BY currency ORDER BY rate_date) AS next_date
    FROM raw_data.exchange_rate_fixings
),

any_fixings AS (
    SELECT DISTINCT rate_date
    FROM fixings
),

fixing_days AS (
    SELECT
        rate_date,
        LEAD(rate_date) OVER (ORDER BY rate_date) AS next_date
    FROM any_fixings
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

-- The few fixings whose currency has none on the next day that others have one.
left_behind AS (
    SELECT
        fixings.rate_date,
        fixings.currency,
        fixings.rate,
        fixings.next_date
    FROM fixings
    INNER JOIN fixing_days ON fixings.rate_date = fixing_days.rate_date
    WHERE fixings.next_date IS NULL OR fixings.next_date > fixing_days.next_date
),

-- A currency that others left behind by more than 14 days has no rate; where all are silent, rates hold.
held AS (
    SELECT
        rate_date AS fixing_date,
        currency,
        rate
    FROM fixings
    UNION ALL
    SELECT
        fixing_days.rate_date AS fixing_date,
        left_behind.currency,
        left_behind.rate
    FROM left_behind
    INNER JOIN fixing_days
        ON
            left_behind.rate_date < fixing_days.rate_date
            AND (left_behind.next_date IS NULL OR left_behind.next_date > fixing_days.rate_date)
            AND DATE_DIFF('day', left_behind.rate_date, fixing_days.rate_date) <= 14
)

SELECT
    days.rate_date,
    held.currency,
    held.rate
FROM days
INNER JOIN held ON days.newest_fixing_date = held.fixing_date
