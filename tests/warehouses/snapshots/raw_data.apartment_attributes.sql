CREATE TABLE IF NOT EXISTS "raw_data"."apartment_attributes" (
    "id" BIGINT NOT NULL,
    "category" VARCHAR(400),
    "body" VARCHAR(400),
    "amenities" VARCHAR(400),
    "bathrooms" DECIMAL(12,2),
    "bedrooms" BIGINT,
    "fee" VARCHAR(400),
    "has_photo" VARCHAR(400),
    "pets_allowed" VARCHAR(400),
    "price_display" VARCHAR(400),
    "price_type" VARCHAR(400),
    "square_feet" BIGINT,
    "address" VARCHAR(400),
    "cityname" VARCHAR(400),
    "state" VARCHAR(400),
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,
    "last_modified_timestamp" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN,
    "_loaded_at" TIMESTAMP NOT NULL,
    PRIMARY KEY ("id")
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "raw_data"."apartment_attributes" IS 'What a listing offers and where it is, one row per apartment.'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."id" IS 'The listing described'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."category" IS 'Kind of listing'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."body" IS 'Full text of the listing'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."amenities" IS 'Comma-separated list in any order'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."bathrooms" IS 'Number of bathrooms where a half is a room without a bath'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."bedrooms" IS 'Number of bedrooms'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."fee" IS 'Whether or which fee is charged'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."has_photo" IS 'Whether there are photos; yes/no or 1/0 or thumbnail'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."pets_allowed" IS 'Pets that may come'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."price_display" IS 'Price as shown'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."price_type" IS 'Unit of the price'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."square_feet" IS 'Size in square feet'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."address" IS 'Street address'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."cityname" IS 'City'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."state" IS 'State or country code'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."latitude" IS 'Degrees north'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."longitude" IS 'Degrees east'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."last_modified_timestamp" IS 'When the row last changed in UTC'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."_row_id" IS 'Orders rows by run and place'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."_run_id" IS 'The run that read the row, or found its key deleted'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."_extracted_at" IS 'Upper bound of that run in UTC'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."_is_deleted" IS 'Whether the key was deleted in the source'
;

COMMENT ON COLUMN "raw_data"."apartment_attributes"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0_all" (
    "id" BIGINT,
    "category" VARCHAR(400),
    "body" VARCHAR(400),
    "amenities" VARCHAR(400),
    "bathrooms" DECIMAL(12,2),
    "bedrooms" BIGINT,
    "fee" VARCHAR(400),
    "has_photo" VARCHAR(400),
    "pets_allowed" VARCHAR(400),
    "price_display" VARCHAR(400),
    "price_type" VARCHAR(400),
    "square_feet" BIGINT,
    "address" VARCHAR(400),
    "cityname" VARCHAR(400),
    "state" VARCHAR(400),
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,
    "last_modified_timestamp" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0_all" ("id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "id" BIGINT,
    "category" VARCHAR(400),
    "body" VARCHAR(400),
    "amenities" VARCHAR(400),
    "bathrooms" DECIMAL(12,2),
    "bedrooms" BIGINT,
    "fee" VARCHAR(400),
    "has_photo" VARCHAR(400),
    "pets_allowed" VARCHAR(400),
    "price_display" VARCHAR(400),
    "price_type" VARCHAR(400),
    "square_feet" BIGINT,
    "address" VARCHAR(400),
    "cityname" VARCHAR(400),
    "state" VARCHAR(400),
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,
    "last_modified_timestamp" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted") SELECT "id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted" FROM (SELECT "id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted", ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY "last_modified_timestamp" DESC NULLS LAST, "_row_id" DESC NULLS LAST) AS _newness FROM "ops"."stage_0a1b2c3d_0_all" AS arrived) AS ranked WHERE NOT "id" IS NULL AND _newness = 1
;

COPY "ops"."stage_0a1b2c3d_0_all" ("id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

CREATE TABLE "ops"."stage_0a1b2c3d_1" (
    "id" BIGINT,
    "category" VARCHAR(400),
    "body" VARCHAR(400),
    "amenities" VARCHAR(400),
    "bathrooms" DECIMAL(12,2),
    "bedrooms" BIGINT,
    "fee" VARCHAR(400),
    "has_photo" VARCHAR(400),
    "pets_allowed" VARCHAR(400),
    "price_display" VARCHAR(400),
    "price_type" VARCHAR(400),
    "square_feet" BIGINT,
    "address" VARCHAR(400),
    "cityname" VARCHAR(400),
    "state" VARCHAR(400),
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,
    "last_modified_timestamp" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_1" ("id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_1" ("id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

MERGE INTO "raw_data"."apartment_attributes"
USING "ops"."stage_0a1b2c3d_0" AS arrived
ON "apartment_attributes"."id" = "arrived"."id"
WHEN MATCHED THEN UPDATE SET
    "category" = arrived."category",
    "body" = arrived."body",
    "amenities" = arrived."amenities",
    "bathrooms" = arrived."bathrooms",
    "bedrooms" = arrived."bedrooms",
    "fee" = arrived."fee",
    "has_photo" = arrived."has_photo",
    "pets_allowed" = arrived."pets_allowed",
    "price_display" = arrived."price_display",
    "price_type" = arrived."price_type",
    "square_feet" = arrived."square_feet",
    "address" = arrived."address",
    "cityname" = arrived."cityname",
    "state" = arrived."state",
    "latitude" = arrived."latitude",
    "longitude" = arrived."longitude",
    "last_modified_timestamp" = arrived."last_modified_timestamp",
    "_row_id" = arrived."_row_id",
    "_run_id" = arrived."_run_id",
    "_extracted_at" = arrived."_extracted_at",
    "_is_deleted" = CAST(NULL AS DATE),
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at"
) VALUES (
    arrived."id", arrived."category", arrived."body", arrived."amenities", arrived."bathrooms", arrived."bedrooms", arrived."fee", arrived."has_photo", arrived."pets_allowed", arrived."price_display", arrived."price_type", arrived."square_feet", arrived."address", arrived."cityname", arrived."state", arrived."latitude", arrived."longitude", arrived."last_modified_timestamp", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789'
)
;

UPDATE "raw_data"."apartment_attributes" AS target SET "_is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) FROM "ops"."stage_0a1b2c3d_1" AS arrived WHERE "target"."id" = "arrived"."id" AND NOT target."_is_deleted"
;

LOCK ops.loads
;

SELECT
    1 / CASE
        WHEN COALESCE(SUM(CASE WHEN manifest_hash = '0000000000000000000000000000000000000000000000000000000000000000' THEN 1 ELSE 0 END), 0) > 0 THEN 0
        ELSE 1
    END AS is_in_turn
FROM (
    SELECT
        manifest_hash,
        ROW_NUMBER() OVER (ORDER BY COALESCE(sequence, 0) DESC, loaded_at DESC, run_id DESC) AS place
    FROM ops.loads
    WHERE step = 'load-raw'
) AS loaded
;

MERGE INTO "raw_data"."apartment_attributes"
USING "ops"."stage_0a1b2c3d_0" AS arrived
ON "apartment_attributes"."id" = "arrived"."id"
WHEN MATCHED THEN UPDATE SET
    "category" = arrived."category",
    "body" = arrived."body",
    "amenities" = arrived."amenities",
    "bathrooms" = arrived."bathrooms",
    "bedrooms" = arrived."bedrooms",
    "fee" = arrived."fee",
    "has_photo" = arrived."has_photo",
    "pets_allowed" = arrived."pets_allowed",
    "price_display" = arrived."price_display",
    "price_type" = arrived."price_type",
    "square_feet" = arrived."square_feet",
    "address" = arrived."address",
    "cityname" = arrived."cityname",
    "state" = arrived."state",
    "latitude" = arrived."latitude",
    "longitude" = arrived."longitude",
    "last_modified_timestamp" = arrived."last_modified_timestamp",
    "_row_id" = arrived."_row_id",
    "_run_id" = arrived."_run_id",
    "_extracted_at" = arrived."_extracted_at",
    "_is_deleted" = arrived."_is_deleted",
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at"
) VALUES (
    arrived."id", arrived."category", arrived."body", arrived."amenities", arrived."bathrooms", arrived."bedrooms", arrived."fee", arrived."has_photo", arrived."pets_allowed", arrived."price_display", arrived."price_type", arrived."square_feet", arrived."address", arrived."cityname", arrived."state", arrived."latitude", arrived."longitude", arrived."last_modified_timestamp", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", arrived."_is_deleted", TIMESTAMP '2024-03-05 01:02:03.456789'
)
;

INSERT INTO "ops"."loads" (manifest_hash, step, run_id, loaded_at, sequence, reporting_currency) SELECT '0000000000000000000000000000000000000000000000000000000000000000', 'load-raw', '20240305T010203Z-abcdef', CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP), COALESCE(MAX(sequence), 0) + 1, CAST(NULL AS VARCHAR(MAX)) FROM "ops"."loads"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0_all"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

ANALYZE "raw_data"."apartment_attributes"
;

UPDATE "raw_data"."apartment_attributes" AS target SET "_is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) WHERE NOT target."_is_deleted" AND NOT EXISTS(SELECT 1 FROM "ops"."stage_0a1b2c3d_0" AS arrived WHERE "target"."id" = "arrived"."id")
;

CREATE TABLE IF NOT EXISTS "raw_data"."apartment_attributes" (
    "id" BIGINT,
    "category" VARCHAR(400),
    "body" VARCHAR(400),
    "amenities" VARCHAR(400),
    "bathrooms" DECIMAL(12,2),
    "bedrooms" BIGINT,
    "fee" VARCHAR(400),
    "has_photo" VARCHAR(400),
    "pets_allowed" VARCHAR(400),
    "price_display" VARCHAR(400),
    "price_type" VARCHAR(400),
    "square_feet" BIGINT,
    "address" VARCHAR(400),
    "cityname" VARCHAR(400),
    "state" VARCHAR(400),
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,
    "last_modified_timestamp" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN,
    "_loaded_at" TIMESTAMP NOT NULL
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

INSERT INTO "raw_data"."apartment_attributes" ("id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at")
SELECT arrived."id", arrived."category", arrived."body", arrived."amenities", arrived."bathrooms", arrived."bedrooms", arrived."fee", arrived."has_photo", arrived."pets_allowed", arrived."price_display", arrived."price_type", arrived."square_feet", arrived."address", arrived."cityname", arrived."state", arrived."latitude", arrived."longitude", arrived."last_modified_timestamp", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789'
FROM "ops"."stage_0a1b2c3d_0" AS arrived
;

INSERT INTO "raw_data"."apartment_attributes" ("id", "category", "body", "amenities", "bathrooms", "bedrooms", "fee", "has_photo", "pets_allowed", "price_display", "price_type", "square_feet", "address", "cityname", "state", "latitude", "longitude", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at")
SELECT arrived."id", arrived."category", arrived."body", arrived."amenities", arrived."bathrooms", arrived."bedrooms", arrived."fee", arrived."has_photo", arrived."pets_allowed", arrived."price_display", arrived."price_type", arrived."square_feet", arrived."address", arrived."cityname", arrived."state", arrived."latitude", arrived."longitude", arrived."last_modified_timestamp", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", arrived."_is_deleted", TIMESTAMP '2024-03-05 01:02:03.456789'
FROM "ops"."stage_0a1b2c3d_0" AS arrived
;

DELETE FROM "raw_data"."apartment_attributes"
;

