CREATE TABLE IF NOT EXISTS "raw_data"."apartments" (
    "id" BIGINT NOT NULL,
    "title" VARCHAR(400),
    "source" VARCHAR(400),
    "price" DECIMAL(12,2),
    "currency" VARCHAR(400),
    "listing_created_on" TIMESTAMP,
    "is_active" BOOLEAN,
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

COMMENT ON TABLE "raw_data"."apartments" IS 'Listings of the marketplace, one row per apartment on offer.'
;

COMMENT ON COLUMN "raw_data"."apartments"."id" IS 'Identifies the listing'
;

COMMENT ON COLUMN "raw_data"."apartments"."title" IS 'Headline of the listing'
;

COMMENT ON COLUMN "raw_data"."apartments"."source" IS 'Where the listing came from'
;

COMMENT ON COLUMN "raw_data"."apartments"."price" IS 'Price asked per night in the listing''s currency'
;

COMMENT ON COLUMN "raw_data"."apartments"."currency" IS 'ISO 4217 code of the price'
;

COMMENT ON COLUMN "raw_data"."apartments"."listing_created_on" IS 'When the listing was created in UTC'
;

COMMENT ON COLUMN "raw_data"."apartments"."is_active" IS 'Whether the listing can be booked'
;

COMMENT ON COLUMN "raw_data"."apartments"."last_modified_timestamp" IS 'When the row last changed in UTC'
;

COMMENT ON COLUMN "raw_data"."apartments"."_row_id" IS 'Orders rows by run and place'
;

COMMENT ON COLUMN "raw_data"."apartments"."_run_id" IS 'The run that read the row, or found its key deleted'
;

COMMENT ON COLUMN "raw_data"."apartments"."_extracted_at" IS 'Upper bound of that run in UTC'
;

COMMENT ON COLUMN "raw_data"."apartments"."_is_deleted" IS 'Whether the key was deleted in the source'
;

COMMENT ON COLUMN "raw_data"."apartments"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0_all" (
    "id" BIGINT,
    "title" VARCHAR(400),
    "source" VARCHAR(400),
    "price" DECIMAL(12,2),
    "currency" VARCHAR(400),
    "listing_created_on" TIMESTAMP,
    "is_active" BOOLEAN,
    "last_modified_timestamp" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0_all" ("id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "id" BIGINT,
    "title" VARCHAR(400),
    "source" VARCHAR(400),
    "price" DECIMAL(12,2),
    "currency" VARCHAR(400),
    "listing_created_on" TIMESTAMP,
    "is_active" BOOLEAN,
    "last_modified_timestamp" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted") SELECT "id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted" FROM (SELECT "id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted", ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY "last_modified_timestamp" DESC NULLS LAST, "_row_id" DESC NULLS LAST) AS _newness FROM "ops"."stage_0a1b2c3d_0_all" AS arrived) AS ranked WHERE NOT "id" IS NULL AND _newness = 1
;

COPY "ops"."stage_0a1b2c3d_0_all" ("id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

CREATE TABLE "ops"."stage_0a1b2c3d_1" (
    "id" BIGINT,
    "title" VARCHAR(400),
    "source" VARCHAR(400),
    "price" DECIMAL(12,2),
    "currency" VARCHAR(400),
    "listing_created_on" TIMESTAMP,
    "is_active" BOOLEAN,
    "last_modified_timestamp" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_1" ("id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_1" ("id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

MERGE INTO "raw_data"."apartments"
USING "ops"."stage_0a1b2c3d_0" AS arrived
ON "apartments"."id" = "arrived"."id"
WHEN MATCHED THEN UPDATE SET
    "title" = arrived."title",
    "source" = arrived."source",
    "price" = arrived."price",
    "currency" = arrived."currency",
    "listing_created_on" = arrived."listing_created_on",
    "is_active" = arrived."is_active",
    "last_modified_timestamp" = arrived."last_modified_timestamp",
    "_row_id" = arrived."_row_id",
    "_run_id" = arrived."_run_id",
    "_extracted_at" = arrived."_extracted_at",
    "_is_deleted" = CAST(NULL AS DATE),
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at"
) VALUES (
    arrived."id", arrived."title", arrived."source", arrived."price", arrived."currency", arrived."listing_created_on", arrived."is_active", arrived."last_modified_timestamp", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789'
)
;

UPDATE "raw_data"."apartments" AS target SET "_is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) FROM "ops"."stage_0a1b2c3d_1" AS arrived WHERE "target"."id" = "arrived"."id" AND NOT target."_is_deleted"
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

MERGE INTO "raw_data"."apartments"
USING "ops"."stage_0a1b2c3d_0" AS arrived
ON "apartments"."id" = "arrived"."id"
WHEN MATCHED THEN UPDATE SET
    "title" = arrived."title",
    "source" = arrived."source",
    "price" = arrived."price",
    "currency" = arrived."currency",
    "listing_created_on" = arrived."listing_created_on",
    "is_active" = arrived."is_active",
    "last_modified_timestamp" = arrived."last_modified_timestamp",
    "_row_id" = arrived."_row_id",
    "_run_id" = arrived."_run_id",
    "_extracted_at" = arrived."_extracted_at",
    "_is_deleted" = arrived."_is_deleted",
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at"
) VALUES (
    arrived."id", arrived."title", arrived."source", arrived."price", arrived."currency", arrived."listing_created_on", arrived."is_active", arrived."last_modified_timestamp", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", arrived."_is_deleted", TIMESTAMP '2024-03-05 01:02:03.456789'
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

ANALYZE "raw_data"."apartments"
;

UPDATE "raw_data"."apartments" AS target SET "_is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) WHERE NOT target."_is_deleted" AND NOT EXISTS(SELECT 1 FROM "ops"."stage_0a1b2c3d_0" AS arrived WHERE "target"."id" = "arrived"."id")
;

CREATE TABLE IF NOT EXISTS "raw_data"."apartments" (
    "id" BIGINT,
    "title" VARCHAR(400),
    "source" VARCHAR(400),
    "price" DECIMAL(12,2),
    "currency" VARCHAR(400),
    "listing_created_on" TIMESTAMP,
    "is_active" BOOLEAN,
    "last_modified_timestamp" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN,
    "_loaded_at" TIMESTAMP NOT NULL
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

INSERT INTO "raw_data"."apartments" ("id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at")
SELECT arrived."id", arrived."title", arrived."source", arrived."price", arrived."currency", arrived."listing_created_on", arrived."is_active", arrived."last_modified_timestamp", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789'
FROM "ops"."stage_0a1b2c3d_0" AS arrived
;

INSERT INTO "raw_data"."apartments" ("id", "title", "source", "price", "currency", "listing_created_on", "is_active", "last_modified_timestamp", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at")
SELECT arrived."id", arrived."title", arrived."source", arrived."price", arrived."currency", arrived."listing_created_on", arrived."is_active", arrived."last_modified_timestamp", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", arrived."_is_deleted", TIMESTAMP '2024-03-05 01:02:03.456789'
FROM "ops"."stage_0a1b2c3d_0" AS arrived
;

DELETE FROM "raw_data"."apartments"
;

