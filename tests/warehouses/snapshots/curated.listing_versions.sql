CREATE TABLE IF NOT EXISTS "curated"."listing_versions" (
    "listing_id" BIGINT NOT NULL,
    "valid_from" TIMESTAMP NOT NULL,
    "reporting_price" DECIMAL(18,2),
    "is_active" BOOLEAN NOT NULL,
    "is_assumed" BOOLEAN NOT NULL,
    "_first_valid_from" TIMESTAMP,
    "_run_id" VARCHAR(100) NOT NULL,
    "_loaded_at" TIMESTAMP NOT NULL,
    "_version_at" TIMESTAMP NOT NULL,
    PRIMARY KEY ("listing_id", "valid_from")
)
DISTSTYLE KEY DISTKEY ("listing_id")
COMPOUND SORTKEY ("listing_id", "valid_from")
;

COMMENT ON TABLE "curated"."listing_versions" IS 'What a listing asked, and whether it could be booked, from when on.'
;

COMMENT ON COLUMN "curated"."listing_versions"."listing_id" IS 'The listing'
;

COMMENT ON COLUMN "curated"."listing_versions"."valid_from" IS 'Start of the version in UTC; it holds until the listing''s next one. The first known version starts when the listing was created, unless one before it is assumed'
;

COMMENT ON COLUMN "curated"."listing_versions"."reporting_price" IS 'Price per night in the reporting currency; NULL once the listing is deleted'
;

COMMENT ON COLUMN "curated"."listing_versions"."is_active" IS 'Whether the listing could be booked; false once it is deleted'
;

COMMENT ON COLUMN "curated"."listing_versions"."is_assumed" IS 'Whether the version is assumed: a listing that was not active when we first saw it is taken for active, at the same price, from its creation to then'
;

COMMENT ON COLUMN "curated"."listing_versions"."_first_valid_from" IS 'From when on a first known version counts, from which valid_from is computed'
;

COMMENT ON COLUMN "curated"."listing_versions"."_run_id" IS 'The run that read the row, or found its key deleted'
;

COMMENT ON COLUMN "curated"."listing_versions"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

COMMENT ON COLUMN "curated"."listing_versions"."_version_at" IS 'Moment of the version itself, from which valid_from is computed'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "listing_id" BIGINT,
    "valid_from" TIMESTAMP,
    "reporting_price" DECIMAL(18,2),
    "is_active" BOOLEAN,
    "is_assumed" BOOLEAN,
    "_first_valid_from" TIMESTAMP,
    "_run_id" VARCHAR(100)
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("listing_id", "valid_from", "reporting_price", "is_active", "is_assumed", "_first_valid_from", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("listing_id", "valid_from", "reporting_price", "is_active", "is_assumed", "_first_valid_from", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

CREATE TABLE "ops"."stage_0a1b2c3d_1" (
    "listing_id" BIGINT,
    "valid_from" TIMESTAMP,
    "reporting_price" DECIMAL(18,2),
    "is_active" BOOLEAN,
    "is_assumed" BOOLEAN,
    "_first_valid_from" TIMESTAMP,
    "_run_id" VARCHAR(100),
    "_version_at" TIMESTAMP
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_1" ("listing_id", "valid_from", "reporting_price", "is_active", "is_assumed", "_first_valid_from", "_run_id", "_version_at") SELECT "arrived"."listing_id", "arrived"."valid_from", "arrived"."reporting_price", "arrived"."is_active", "arrived"."is_assumed", "arrived"."_first_valid_from", "arrived"."_run_id", arrived.valid_from AS _version_at FROM "ops"."stage_0a1b2c3d_0" AS arrived LEFT JOIN (SELECT DISTINCT "listing_id" FROM "curated"."listing_versions") AS known ON arrived."listing_id" = known."listing_id" WHERE arrived._first_valid_from IS NULL OR arrived.valid_from > arrived._first_valid_from OR known."listing_id" IS NULL
;

DELETE FROM "curated"."listing_versions" USING (SELECT DISTINCT "listing_id" FROM "ops"."stage_0a1b2c3d_1") AS arrived WHERE "listing_versions"."listing_id" = "arrived"."listing_id" AND "listing_versions".is_assumed
;

DELETE FROM "curated"."listing_versions" USING "ops"."stage_0a1b2c3d_1" AS arrived WHERE "listing_versions"."listing_id" = "arrived"."listing_id" AND "listing_versions"."_version_at" = "arrived"."_version_at"
;

INSERT INTO "curated"."listing_versions" ("listing_id", "valid_from", "reporting_price", "is_active", "is_assumed", "_first_valid_from", "_run_id", "_loaded_at", "_version_at")
SELECT arrived."listing_id", arrived."valid_from", arrived."reporting_price", arrived."is_active", arrived."is_assumed", arrived."_first_valid_from", arrived."_run_id", TIMESTAMP '2024-03-05 01:02:03.456789', arrived."valid_from"
FROM "ops"."stage_0a1b2c3d_1" AS arrived
;

DELETE FROM "curated"."listing_versions" USING "curated"."listings" AS parent WHERE "listing_versions"."listing_id" = parent."listing_id" AND parent._run_id = '20240305T010203Z-abcdef' AND "listing_versions"._version_at > CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) AND (parent.is_deleted OR parent."modified_at" IS NULL OR "listing_versions"._version_at <> parent."modified_at")
;

INSERT INTO "curated"."listing_versions" ("listing_id", valid_from, "reporting_price", is_active, is_assumed, _version_at, _run_id, _loaded_at) SELECT parent."listing_id", CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) AS valid_from, CASE WHEN NOT parent.is_deleted THEN parent."reporting_price" END AS "reporting_price", NOT parent.is_deleted AND COALESCE(parent.is_active, FALSE) AS is_active, FALSE AS is_assumed, CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) AS _version_at, '20240305T010203Z-abcdef' AS _run_id, CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) AS _loaded_at FROM "curated"."listings" AS parent INNER JOIN (SELECT *, ROW_NUMBER() OVER (PARTITION BY "listing_id" ORDER BY _version_at DESC NULLS LAST) AS newness FROM "curated"."listing_versions") AS newest ON parent."listing_id" = newest."listing_id" AND newest.newness = 1 WHERE parent._run_id = '20240305T010203Z-abcdef' AND (newest.is_active <> (NOT parent.is_deleted AND COALESCE(parent.is_active, FALSE)) OR (NOT parent.is_deleted AND ("newest"."reporting_price" <> "parent"."reporting_price" OR ("newest"."reporting_price" IS NULL AND NOT "parent"."reporting_price" IS NULL) OR (NOT "newest"."reporting_price" IS NULL AND "parent"."reporting_price" IS NULL))))
;

UPDATE "curated"."listing_versions" AS target SET valid_from = timeline.valid_from FROM (SELECT "listing_id", _version_at, CASE WHEN place = 1 AND (next_version_at IS NULL OR _first_valid_from < next_version_at) AND (is_active OR _first_valid_from >= _version_at) THEN COALESCE(_first_valid_from, _version_at) ELSE _version_at END AS valid_from FROM (SELECT "listing_id", _version_at, _first_valid_from, is_active, ROW_NUMBER() OVER (PARTITION BY "listing_id" ORDER BY _version_at) AS place, LEAD(_version_at) OVER (PARTITION BY "listing_id" ORDER BY _version_at) AS next_version_at FROM "curated"."listing_versions" AS known WHERE EXISTS(SELECT 1 FROM "ops"."stage_0a1b2c3d_1" AS arrived WHERE "arrived"."listing_id" = "known"."listing_id")) AS versions) AS timeline WHERE "target"."listing_id" = "timeline"."listing_id" AND target._version_at = timeline._version_at AND target.valid_from <> timeline.valid_from
;

INSERT INTO "curated"."listing_versions" ("listing_id", valid_from, "reporting_price", is_active, is_assumed, _version_at, _run_id, _loaded_at) SELECT "listing_id", _first_valid_from AS valid_from, "reporting_price", TRUE AS is_active, TRUE AS is_assumed, _first_valid_from AS _version_at, _run_id, CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) AS _loaded_at FROM (SELECT "listing_id", "reporting_price", is_active, _first_valid_from, _version_at, _run_id, ROW_NUMBER() OVER (PARTITION BY "listing_id" ORDER BY _version_at) AS place FROM "curated"."listing_versions" AS known WHERE EXISTS(SELECT 1 FROM "ops"."stage_0a1b2c3d_1" AS arrived WHERE "arrived"."listing_id" = "known"."listing_id")) AS versions WHERE place = 1 AND NOT is_active AND _first_valid_from < _version_at
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

INSERT INTO "ops"."loads" (manifest_hash, step, run_id, loaded_at, sequence, reporting_currency) SELECT '0000000000000000000000000000000000000000000000000000000000000000', 'load-curated', '20240305T010203Z-abcdef', CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP), COALESCE(MAX(sequence), 0) + 1, 'EUR' FROM "ops"."loads"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

ANALYZE "curated"."listing_versions"
;

DELETE FROM "curated"."listing_versions" WHERE NOT "listing_versions"."reporting_price" IS NULL AND NOT EXISTS(SELECT 1 FROM (SELECT "held"."listing_id", "held"."_version_at", ROUND(held."reporting_price" * rates.rate, 2) AS amount FROM "curated"."listing_versions" AS held INNER JOIN curated.exchange_rates AS rates ON rates.currency = 'USD' AND rates.rate_date = COALESCE(CASE WHEN CAST(held."_version_at" AS DATE) < CAST('2024-03-05' AS DATE) THEN CAST(held."_version_at" AS DATE) END, CAST('2024-03-05' AS DATE)) WHERE ABS(held."reporting_price" * rates.rate) < 9999999999999999) AS made WHERE "listing_versions"."listing_id" = "made"."listing_id" AND "listing_versions"."_version_at" = "made"."_version_at")
;

UPDATE "curated"."listing_versions" AS target SET "reporting_price" = made.amount FROM (SELECT "held"."listing_id", "held"."_version_at", ROUND(held."reporting_price" * rates.rate, 2) AS amount FROM "curated"."listing_versions" AS held INNER JOIN curated.exchange_rates AS rates ON rates.currency = 'USD' AND rates.rate_date = COALESCE(CASE WHEN CAST(held."_version_at" AS DATE) < CAST('2024-03-05' AS DATE) THEN CAST(held."_version_at" AS DATE) END, CAST('2024-03-05' AS DATE)) WHERE ABS(held."reporting_price" * rates.rate) < 9999999999999999) AS made WHERE "target"."listing_id" = "made"."listing_id" AND "target"."_version_at" = "made"."_version_at"
;

