SELECT
    viewings.user_id,
    viewings.listing_id,
    MIN(viewings.viewed_at) AS first_viewed_at,
    CAST(MAX(CASE WHEN viewings.is_wishlisted THEN 1 ELSE 0 END) AS INTEGER) AS wishlisted
FROM curated.viewings AS viewings
CROSS JOIN ops.run_parameters AS run_parameters
WHERE viewings.user_id IS NOT NULL AND CAST(viewings.viewed_at AS DATE) <= run_parameters.as_of
GROUP BY viewings.user_id, viewings.listing_id
