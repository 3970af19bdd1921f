WITH apartments AS (
    SELECT
        id,
        title,
        source,
        price,
        currency,
        listing_created_on,
        is_active,
        last_modified_timestamp,
        _row_id,
        _extracted_at
    FROM raw_data.apartments
),

exchange_rates AS (
    SELECT
        rate_date,
        currency,
        usd_per_unit
    FROM curated.exchange_rates
),

known_currencies AS (
    SELECT DISTINCT currency
    FROM exchange_rates
),

last_rates AS (
    SELECT MAX(rate_date) AS last_date
    FROM exchange_rates
),

cleaned AS (
    SELECT
        id AS listing_id,
        CAST(title AS VARCHAR) AS title,
        CAST(source AS VARCHAR) AS source,
        price,
        TRANSLATE(
            TRIM(CAST(currency AS VARCHAR), ' '), 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
        ) AS currency,
        CAST(listing_created_on AS TIMESTAMP) AS created_at,
        is_active,
        CAST(last_modified_timestamp AS TIMESTAMP) AS modified_at,
        CAST(COALESCE(last_modified_timestamp, listing_created_on) AS DATE) AS price_date,
        _row_id,
        _extracted_at
    FROM apartments
),

dated AS (
    SELECT
        cleaned.*,
        known_currencies.currency IS NOT NULL OR COALESCE(cleaned.currency = 'USD', FALSE) AS currency_known,
        CASE
            WHEN cleaned.price_date > last_rates.last_date THEN last_rates.last_date
            ELSE cleaned.price_date
        END AS rate_date
    FROM cleaned
    CROSS JOIN last_rates
    LEFT JOIN known_currencies ON cleaned.currency = known_currencies.currency
),

rated AS (
    SELECT
        dated.*,
        CASE
            WHEN dated.currency = 'USD' THEN CAST(1 AS DECIMAL(19, 12))
            ELSE TRY_CAST(exchange_rates.usd_per_unit AS DECIMAL(19, 12))
        END AS usd_per_unit
    FROM dated
    LEFT JOIN exchange_rates
        ON
            dated.currency = exchange_rates.currency
            AND dated.rate_date = exchange_rates.rate_date
)

SELECT
    listing_id,
    title,
    source,
    price,
    currency,
    -- 18 and 19 digits: the product has at most 38, which neither DuckDB nor Spark cuts.
    CAST(ROUND(TRY_CAST(price AS DECIMAL(18, 2)) * usd_per_unit, 2) AS DECIMAL(38, 2)) AS price_usd,
    created_at,
    is_active,
    modified_at,
    currency_known AS _currency_known,
    rate_date AS _rate_date,
    usd_per_unit AS _usd_per_unit,
    _row_id,
    _extracted_at
FROM rated
