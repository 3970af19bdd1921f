WITH apartment_attributes AS (
    SELECT
        id,
        category,
        body,
        amenities,
        bathrooms,
        bedrooms,
        fee,
        has_photo,
        pets_allowed,
        price_type,
        square_feet,
        address,
        cityname,
        state,
        latitude,
        longitude,
        last_modified_timestamp,
        _row_id
    FROM raw_data.apartment_attributes
),

split AS (
    SELECT
        apartment_attributes.*,
        LIST_SORT(
            LIST_FILTER(
                LIST_TRANSFORM(
                    STRING_SPLIT(CAST(amenities AS VARCHAR), ','), LAMBDA amenity: TRIM(amenity, ' ')
                ),
                LAMBDA amenity: amenity <> ''
            )
        ) AS amenity_list,
        TRANSLATE(
            TRIM(CAST(has_photo AS VARCHAR), ' '), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'
        ) AS photo_text
    FROM apartment_attributes
)

SELECT
    id AS listing_id,
    CAST(category AS VARCHAR) AS category,
    CAST(body AS VARCHAR) AS body,
    NULLIF(ARRAY_TO_STRING(amenity_list, ','), '') AS amenities,
    CASE WHEN amenity_list IS NULL THEN 0 ELSE ARRAY_LENGTH(amenity_list) END AS amenity_count,
    bathrooms,
    bedrooms,
    CAST(fee AS VARCHAR) AS fee,
    CASE
        WHEN photo_text IN ('1', 'true', 'yes', 'y', 'thumbnail') THEN TRUE
        WHEN photo_text IN ('0', 'false', 'no', 'n', 'none', '') THEN FALSE
    END AS has_photo,
    CAST(pets_allowed AS VARCHAR) AS pets_allowed,
    CAST(price_type AS VARCHAR) AS price_type,
    square_feet,
    CAST(address AS VARCHAR) AS address,
    NULLIF(TRIM(CAST(cityname AS VARCHAR), ' '), '') AS city,
    NULLIF(TRIM(CAST(state AS VARCHAR), ' '), '') AS state,
    CAST(latitude AS DOUBLE) AS latitude,
    CAST(longitude AS DOUBLE) AS longitude,
    last_modified_timestamp AS _modified_at,
    _row_id
FROM split
