SELECT
    listing_id,
    CASE WHEN REPLACE(city, ' ', '') <> '' THEN city ELSE 'Unknown' END AS city,
    state
FROM curated.listing_attributes
WHERE NOT is_deleted
