WITH listings AS (
    SELECT
        listing_id,
        reporting_price,
        created_at,
        is_active,
        modified_at,
        is_deleted,
        _row_id,
        _extracted_at
    FROM curated.listings
)

SELECT
    listing_id,
    CASE WHEN is_deleted THEN _extracted_at ELSE COALESCE(modified_at, created_at) END AS valid_from,
    CASE WHEN is_deleted THEN NULL ELSE reporting_price END AS reporting_price,
    CASE WHEN is_deleted THEN FALSE ELSE COALESCE(is_active, FALSE) END AS is_active,
    FALSE AS is_assumed,
    CASE WHEN is_deleted THEN NULL ELSE created_at END AS _first_valid_from,
    _row_id
FROM listings
