-- An aggregate, so that every engine knows of the one row.
WITH settings AS (
    SELECT MAX(default_currency) AS default_currency
    FROM raw_data.marketplace_settings
)

SELECT
    apartments.id AS listing_id,
    CAST(apartments.title AS VARCHAR) AS title,
    CAST(apartments.source AS VARCHAR) AS source,
    apartments.price,
    COALESCE(
        TRANSLATE(
            TRIM(CAST(apartments.currency AS VARCHAR), ' '),
            'abcdefghijklmnopqrstuvwxyz',
            'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
        ),
        settings.default_currency
    ) AS currency,
    CAST(apartments.listing_created_on AS TIMESTAMP) AS created_at,
    apartments.is_active,
    CAST(apartments.last_modified_timestamp AS TIMESTAMP) AS modified_at,
    CAST(
        COALESCE(apartments.last_modified_timestamp, apartments.listing_created_on) AS TIMESTAMP
    ) AS _priced_at,
    apartments._row_id,
    apartments._extracted_at
FROM raw_data.apartments AS apartments
CROSS JOIN settings
