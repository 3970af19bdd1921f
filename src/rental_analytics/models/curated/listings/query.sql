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
    CAST(COALESCE(last_modified_timestamp, listing_created_on) AS TIMESTAMP) AS _priced_at,
    _row_id,
    _extracted_at
FROM raw_data.apartments
