CREATE TABLE IF NOT EXISTS "curated"."listings" (
    "listing_id" BIGINT NOT NULL,
    "title" VARCHAR(8192),
    "source" VARCHAR(2048),
    "price" DECIMAL(18,2) NOT NULL,
    "currency" VARCHAR(16) NOT NULL,
    "price_usd" DECIMAL(18,2) NOT NULL,
    "created_at" TIMESTAMP NOT NULL,
    "is_active" BOOLEAN,
    "modified_at" TIMESTAMP,
    "_run_id" VARCHAR(100) NOT NULL,
    "_loaded_at" TIMESTAMP NOT NULL,
    "is_deleted" BOOLEAN NOT NULL,
    PRIMARY KEY ("listing_id")
)
DISTSTYLE KEY DISTKEY ("listing_id")
COMPOUND SORTKEY ("listing_id")
;

COMMENT ON TABLE "curated"."listings" IS 'Listings of the marketplace with their price in US dollars.'
;

COMMENT ON COLUMN "curated"."listings"."listing_id" IS 'Identifies the listing'
;

COMMENT ON COLUMN "curated"."listings"."title" IS 'Headline of the listing'
;

COMMENT ON COLUMN "curated"."listings"."source" IS 'Where the listing came from'
;

COMMENT ON COLUMN "curated"."listings"."price" IS 'Price per night in the listing''s currency'
;

COMMENT ON COLUMN "curated"."listings"."currency" IS 'ISO 4217 code of the price'
;

COMMENT ON COLUMN "curated"."listings"."price_usd" IS 'Price per night in US dollars at the rate of the day the listing was last modified'
;

COMMENT ON COLUMN "curated"."listings"."created_at" IS 'When the listing was created in UTC'
;

COMMENT ON COLUMN "curated"."listings"."is_active" IS 'Whether the listing can be booked'
;

COMMENT ON COLUMN "curated"."listings"."modified_at" IS 'When the listing last changed in UTC'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "listing_id" BIGINT,
    "title" VARCHAR(8192),
    "source" VARCHAR(2048),
    "price" DECIMAL(18,2),
    "currency" VARCHAR(16),
    "price_usd" DECIMAL(18,2),
    "created_at" TIMESTAMP,
    "is_active" BOOLEAN,
    "modified_at" TIMESTAMP,
    "_run_id" VARCHAR(100)
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("listing_id", "title", "source", "price", "currency", "price_usd", "created_at", "is_active", "modified_at", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("listing_id", "title", "source", "price", "currency", "price_usd", "created_at", "is_active", "modified_at", "_run_id")
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

DELETE FROM "curated"."listings" USING "ops"."stage_0a1b2c3d_2" AS arrived WHERE "listings"."listing_id" = "arrived"."listing_id"
;

MERGE INTO "curated"."listings"
USING "ops"."stage_0a1b2c3d_0" AS arrived
ON "listings"."listing_id" = "arrived"."listing_id"
WHEN MATCHED THEN UPDATE SET
    "title" = arrived."title",
    "source" = arrived."source",
    "price" = arrived."price",
    "currency" = arrived."currency",
    "price_usd" = arrived."price_usd",
    "created_at" = arrived."created_at",
    "is_active" = arrived."is_active",
    "modified_at" = arrived."modified_at",
    "_run_id" = CAST(NULL AS DATE),
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "is_deleted" = FALSE,
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "listing_id", "title", "source", "price", "currency", "price_usd", "created_at", "is_active", "modified_at", "_run_id", "_loaded_at", "is_deleted"
) VALUES (
    arrived."listing_id", arrived."title", arrived."source", arrived."price", arrived."currency", arrived."price_usd", arrived."created_at", arrived."is_active", arrived."modified_at", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789', FALSE
)
;

UPDATE "curated"."listings" AS target SET "is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) FROM "ops"."stage_0a1b2c3d_1" AS arrived WHERE "target"."listing_id" = "arrived"."listing_id" AND NOT target."is_deleted"
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

MERGE INTO "curated"."listings"
USING "ops"."stage_0a1b2c3d_0" AS arrived
ON "listings"."listing_id" = "arrived"."listing_id"
WHEN MATCHED THEN UPDATE SET
    "title" = arrived."title",
    "source" = arrived."source",
    "price" = arrived."price",
    "currency" = arrived."currency",
    "price_usd" = arrived."price_usd",
    "created_at" = arrived."created_at",
    "is_active" = arrived."is_active",
    "modified_at" = arrived."modified_at",
    "_run_id" = arrived."_run_id",
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "is_deleted" = FALSE,
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "listing_id", "title", "source", "price", "currency", "price_usd", "created_at", "is_active", "modified_at", "_run_id", "_loaded_at", "is_deleted"
) VALUES (
    arrived."listing_id", arrived."title", arrived."source", arrived."price", arrived."currency", arrived."price_usd", arrived."created_at", arrived."is_active", arrived."modified_at", arrived."_run_id", TIMESTAMP '2024-03-05 01:02:03.456789', FALSE
)
;

INSERT INTO "ops"."loads" (manifest_hash, step, run_id, loaded_at, sequence) SELECT '0000000000000000000000000000000000000000000000000000000000000000', 'load-curated', '20240305T010203Z-abcdef', CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP), COALESCE(MAX(sequence), 0) + 1 FROM "ops"."loads"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_2"
;

ANALYZE "curated"."listings"
;

UPDATE "curated"."listings" AS target SET "is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) WHERE NOT target."is_deleted" AND NOT EXISTS(SELECT 1 FROM "ops"."stage_0a1b2c3d_0" AS arrived WHERE "target"."listing_id" = "arrived"."listing_id")
;

