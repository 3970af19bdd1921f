CREATE TABLE IF NOT EXISTS "curated"."listing_attributes" (
    "listing_id" BIGINT NOT NULL,
    "category" VARCHAR(2048),
    "body" VARCHAR(65535),
    "amenities" VARCHAR(65535),
    "amenity_count" INTEGER NOT NULL,
    "bathrooms" DECIMAL(18,2),
    "bedrooms" BIGINT,
    "fee" VARCHAR(1024),
    "has_photo" BOOLEAN,
    "pets_allowed" VARCHAR(1024),
    "price_type" VARCHAR(1024),
    "square_feet" BIGINT,
    "address" VARCHAR(8192),
    "city" VARCHAR(2048),
    "state" VARCHAR(1024),
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,
    "_run_id" VARCHAR(100) NOT NULL,
    "_loaded_at" TIMESTAMP NOT NULL,
    "is_deleted" BOOLEAN NOT NULL,
    PRIMARY KEY ("listing_id")
)
DISTSTYLE KEY DISTKEY ("listing_id")
COMPOUND SORTKEY ("listing_id")
;

COMMENT ON TABLE "curated"."listing_attributes" IS 'What a listing offers and where it is.'
;

COMMENT ON COLUMN "curated"."listing_attributes"."listing_id" IS 'The listing described'
;

COMMENT ON COLUMN "curated"."listing_attributes"."category" IS 'Kind of listing'
;

COMMENT ON COLUMN "curated"."listing_attributes"."body" IS 'Full text of the listing'
;

COMMENT ON COLUMN "curated"."listing_attributes"."amenities" IS 'Amenities, trimmed, sorted, comma-separated'
;

COMMENT ON COLUMN "curated"."listing_attributes"."amenity_count" IS 'Number of amenities'
;

COMMENT ON COLUMN "curated"."listing_attributes"."bathrooms" IS 'Number of bathrooms where a half is a room without a bath'
;

COMMENT ON COLUMN "curated"."listing_attributes"."bedrooms" IS 'Number of bedrooms'
;

COMMENT ON COLUMN "curated"."listing_attributes"."fee" IS 'Whether or which fee is charged'
;

COMMENT ON COLUMN "curated"."listing_attributes"."has_photo" IS 'Whether there are photos'
;

COMMENT ON COLUMN "curated"."listing_attributes"."pets_allowed" IS 'Pets that may come'
;

COMMENT ON COLUMN "curated"."listing_attributes"."price_type" IS 'Unit of the price'
;

COMMENT ON COLUMN "curated"."listing_attributes"."square_feet" IS 'Size in square feet'
;

COMMENT ON COLUMN "curated"."listing_attributes"."address" IS 'Street address'
;

COMMENT ON COLUMN "curated"."listing_attributes"."city" IS 'City'
;

COMMENT ON COLUMN "curated"."listing_attributes"."state" IS 'State or country code'
;

COMMENT ON COLUMN "curated"."listing_attributes"."latitude" IS 'Degrees north'
;

COMMENT ON COLUMN "curated"."listing_attributes"."longitude" IS 'Degrees east'
;

COMMENT ON COLUMN "curated"."listing_attributes"."_run_id" IS 'The run that read the row, or found its key deleted'
;

COMMENT ON COLUMN "curated"."listing_attributes"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

COMMENT ON COLUMN "curated"."listing_attributes"."is_deleted" IS 'Whether the key was deleted in the source; the other columns keep their last values'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "listing_id" BIGINT,
    "category" VARCHAR(2048),
    "body" VARCHAR(65535),
    "amenities" VARCHAR(65535),
    "amenity_count" INTEGER,
    "bathrooms" DECIMAL(18,2),
    "bedrooms" BIGINT,
    "fee" VARCHAR(1024),
    "has_photo" BOOLEAN,
    "pets_allowed" VARCHAR(1024),
    "price_type" VARCHAR(1024),
    "square_feet" BIGINT,
    "address" VARCHAR(8192),
    "city" VARCHAR(2048),
    "state" VARCHAR(1024),
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,
    "_run_id" VARCHAR(100)
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("listing_id", "category", "body", "amenities", "amenity_count", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_type", "square_feet", "address", "city", "state", "latitude", "longitude", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("listing_id", "category", "body", "amenities", "amenity_count", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_type", "square_feet", "address", "city", "state", "latitude", "longitude", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

CREATE TABLE "ops"."stage_0a1b2c3d_1" (
    "listing_id" BIGINT
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_1" ("listing_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_1" ("listing_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

CREATE TABLE "ops"."stage_0a1b2c3d_2" (
    "listing_id" BIGINT
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_2" ("listing_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_2" ("listing_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

DELETE FROM "curated"."listing_attributes" USING "ops"."stage_0a1b2c3d_2" AS arrived WHERE "listing_attributes"."listing_id" = "arrived"."listing_id"
;

MERGE INTO "curated"."listing_attributes"
USING "ops"."stage_0a1b2c3d_0" AS arrived
ON "listing_attributes"."listing_id" = "arrived"."listing_id"
WHEN MATCHED THEN UPDATE SET
    "category" = arrived."category",
    "body" = arrived."body",
    "amenities" = arrived."amenities",
    "amenity_count" = arrived."amenity_count",
    "bathrooms" = arrived."bathrooms",
    "bedrooms" = arrived."bedrooms",
    "fee" = arrived."fee",
    "has_photo" = arrived."has_photo",
    "pets_allowed" = arrived."pets_allowed",
    "price_type" = arrived."price_type",
    "square_feet" = arrived."square_feet",
    "address" = arrived."address",
    "city" = arrived."city",
    "state" = arrived."state",
    "latitude" = arrived."latitude",
    "longitude" = arrived."longitude",
    "_run_id" = CAST(NULL AS DATE),
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "is_deleted" = FALSE,
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "listing_id", "category", "body", "amenities", "amenity_count", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_type", "square_feet", "address", "city", "state", "latitude", "longitude", "_run_id", "_loaded_at", "is_deleted"
) VALUES (
    arrived."listing_id", arrived."category", arrived."body", arrived."amenities", arrived."amenity_count", arrived."bathrooms", arrived."bedrooms", arrived."fee", arrived."has_photo", arrived."pets_allowed", arrived."price_type", arrived."square_feet", arrived."address", arrived."city", arrived."state", arrived."latitude", arrived."longitude", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789', FALSE
)
;

UPDATE "curated"."listing_attributes" AS target SET "is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) FROM "ops"."stage_0a1b2c3d_1" AS arrived WHERE "target"."listing_id" = "arrived"."listing_id" AND NOT target."is_deleted"
;

LOCK ops.loads
;

SELECT
    1 / CASE
        WHEN COALESCE(SUM(CASE WHEN manifest_hash = '0000000000000000000000000000000000000000000000000000000000000000' THEN 1 ELSE 0 END), 0) > 0 THEN 0
        WHEN COALESCE(MAX(CASE WHEN place = 1 THEN manifest_hash END), '') <> '1111111111111111111111111111111111111111111111111111111111111111' THEN 0
        ELSE 1
    END AS is_in_turn
FROM (
    SELECT
        manifest_hash,
        ROW_NUMBER() OVER (ORDER BY COALESCE(sequence, 0) DESC, loaded_at DESC, run_id DESC) AS place
    FROM ops.loads
    WHERE step = 'load-curated'
) AS loaded
;

MERGE INTO "curated"."listing_attributes"
USING "ops"."stage_0a1b2c3d_0" AS arrived
ON "listing_attributes"."listing_id" = "arrived"."listing_id"
WHEN MATCHED THEN UPDATE SET
    "category" = arrived."category",
    "body" = arrived."body",
    "amenities" = arrived."amenities",
    "amenity_count" = arrived."amenity_count",
    "bathrooms" = arrived."bathrooms",
    "bedrooms" = arrived."bedrooms",
    "fee" = arrived."fee",
    "has_photo" = arrived."has_photo",
    "pets_allowed" = arrived."pets_allowed",
    "price_type" = arrived."price_type",
    "square_feet" = arrived."square_feet",
    "address" = arrived."address",
    "city" = arrived."city",
    "state" = arrived."state",
    "latitude" = arrived."latitude",
    "longitude" = arrived."longitude",
    "_run_id" = arrived."_run_id",
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "is_deleted" = FALSE,
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "listing_id", "category", "body", "amenities", "amenity_count", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_type", "square_feet", "address", "city", "state", "latitude", "longitude", "_run_id", "_loaded_at", "is_deleted"
) VALUES (
    arrived."listing_id", arrived."category", arrived."body", arrived."amenities", arrived."amenity_count", arrived."bathrooms", arrived."bedrooms", arrived."fee", arrived."has_photo", arrived."pets_allowed", arrived."price_type", arrived."square_feet", arrived."address", arrived."city", arrived."state", arrived."latitude", arrived."longitude", arrived."_run_id", TIMESTAMP '2024-03-05 01:02:03.456789', FALSE
)
;

INSERT INTO "ops"."loads" (manifest_hash, step, run_id, loaded_at, sequence, reporting_currency) SELECT '0000000000000000000000000000000000000000000000000000000000000000', 'load-curated', '20240305T010203Z-abcdef', CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP), COALESCE(MAX(sequence), 0) + 1, 'EUR' FROM "ops"."loads"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_2"
;

ANALYZE "curated"."listing_attributes"
;

UPDATE "curated"."listing_attributes" AS target SET "is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) WHERE NOT target."is_deleted" AND NOT EXISTS(SELECT 1 FROM "ops"."stage_0a1b2c3d_0" AS arrived WHERE "target"."listing_id" = "arrived"."listing_id")
;

