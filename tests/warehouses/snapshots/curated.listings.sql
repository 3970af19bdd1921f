CREATE TABLE IF NOT EXISTS "curated"."listings" (
    "listing_id" BIGINT NOT NULL,
    "title" VARCHAR(8192),
    "source" VARCHAR(2048),
    "price" DECIMAL(18,2) NOT NULL,
    "currency" VARCHAR(16) NOT NULL,
    "reporting_price" DECIMAL(18,2) NOT NULL,
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

COMMENT ON TABLE "curated"."listings" IS 'Listings of the marketplace with their price in the reporting currency.'
;

COMMENT ON COLUMN "curated"."listings"."listing_id" IS 'Identifies the listing'
;

COMMENT ON COLUMN "curated"."listings"."title" IS 'Headline of the listing'
;

COMMENT ON COLUMN "curated"."listings"."source" IS 'Where the listing came from'
;

COMMENT ON COLUMN "curated"."listings"."price" IS 'Price per night in the listing''s currency'
;

COMMENT ON COLUMN "curated"."listings"."currency" IS 'ISO 4217 code of the price; marketplace.default_currency where the source does not say'
;

COMMENT ON COLUMN "curated"."listings"."reporting_price" IS 'Price per night in the reporting currency at the rate of the day the listing was last modified'
;

COMMENT ON COLUMN "curated"."listings"."created_at" IS 'When the listing was created in UTC'
;

COMMENT ON COLUMN "curated"."listings"."is_active" IS 'Whether the listing can be booked'
;

COMMENT ON COLUMN "curated"."listings"."modified_at" IS 'When the listing last changed in UTC'
;

COMMENT ON COLUMN "curated"."listings"."_run_id" IS 'The run that read the row, or found its key deleted'
;

COMMENT ON COLUMN "curated"."listings"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

COMMENT ON COLUMN "curated"."listings"."is_deleted" IS 'Whether the key was deleted in the source; the other columns keep their last values'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "listing_id" BIGINT,
    "title" VARCHAR(8192),
    "source" VARCHAR(2048),
    "price" DECIMAL(18,2),
    "currency" VARCHAR(16),
    "reporting_price" DECIMAL(18,2),
    "created_at" TIMESTAMP,
    "is_active" BOOLEAN,
    "modified_at" TIMESTAMP,
    "_run_id" VARCHAR(100)
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("listing_id", "title", "source", "price", "currency", "reporting_price", "created_at", "is_active", "modified_at", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("listing_id", "title", "source", "price", "currency", "reporting_price", "created_at", "is_active", "modified_at", "_run_id")
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
    "reporting_price" = arrived."reporting_price",
    "created_at" = arrived."created_at",
    "is_active" = arrived."is_active",
    "modified_at" = arrived."modified_at",
    "_run_id" = CAST(NULL AS DATE),
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "is_deleted" = FALSE,
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "listing_id", "title", "source", "price", "currency", "reporting_price", "created_at", "is_active", "modified_at", "_run_id", "_loaded_at", "is_deleted"
) VALUES (
    arrived."listing_id", arrived."title", arrived."source", arrived."price", arrived."currency", arrived."reporting_price", arrived."created_at", arrived."is_active", arrived."modified_at", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789', FALSE
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
    "reporting_price" = arrived."reporting_price",
    "created_at" = arrived."created_at",
    "is_active" = arrived."is_active",
    "modified_at" = arrived."modified_at",
    "_run_id" = arrived."_run_id",
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "is_deleted" = FALSE,
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "listing_id", "title", "source", "price", "currency", "reporting_price", "created_at", "is_active", "modified_at", "_run_id", "_loaded_at", "is_deleted"
) VALUES (
    arrived."listing_id", arrived."title", arrived."source", arrived."price", arrived."currency", arrived."reporting_price", arrived."created_at", arrived."is_active", arrived."modified_at", arrived."_run_id", TIMESTAMP '2024-03-05 01:02:03.456789', FALSE
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

ANALYZE "curated"."listings"
;

DELETE FROM "curated"."listings" WHERE NOT "listings"."reporting_price" IS NULL AND NOT EXISTS(SELECT 1 FROM (SELECT "held"."listing_id", ROUND(held."reporting_price" * rates.rate, 2) AS amount FROM "curated"."listings" AS held INNER JOIN curated.exchange_rates AS rates ON rates.currency = 'USD' AND rates.rate_date = COALESCE(CASE WHEN CAST(held."modified_at" AS DATE) < CAST('2024-03-05' AS DATE) THEN CAST(held."modified_at" AS DATE) END, CAST('2024-03-05' AS DATE)) WHERE ABS(held."reporting_price" * rates.rate) < 9999999999999999) AS made WHERE "listings"."listing_id" = "made"."listing_id")
;

UPDATE "curated"."listings" AS target SET "reporting_price" = made.amount FROM (SELECT "held"."listing_id", ROUND(held."reporting_price" * rates.rate, 2) AS amount FROM "curated"."listings" AS held INNER JOIN curated.exchange_rates AS rates ON rates.currency = 'USD' AND rates.rate_date = COALESCE(CASE WHEN CAST(held."modified_at" AS DATE) < CAST('2024-03-05' AS DATE) THEN CAST(held."modified_at" AS DATE) END, CAST('2024-03-05' AS DATE)) WHERE ABS(held."reporting_price" * rates.rate) < 9999999999999999) AS made WHERE "target"."listing_id" = "made"."listing_id"
;

UPDATE "curated"."listings" AS target SET "is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) WHERE NOT target."is_deleted" AND NOT EXISTS(SELECT 1 FROM "ops"."stage_0a1b2c3d_0" AS arrived WHERE "target"."listing_id" = "arrived"."listing_id")
;

