WITH user_viewing AS (
    SELECT
        user_id,
        apartment_id,
        viewed_at,
        is_wishlisted,
        call_to_action,
        _row_id
    FROM raw_data.user_viewing
)

SELECT
    user_id,
    apartment_id AS listing_id,
    CAST(viewed_at AS TIMESTAMP) AS viewed_at,
    is_wishlisted,
    CAST(call_to_action AS VARCHAR) AS call_to_action,
    _row_id
FROM user_viewing
