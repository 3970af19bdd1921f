CREATE TABLE IF NOT EXISTS "curated"."booking_versions" (
    "booking_id" BIGINT NOT NULL,
    "valid_from" TIMESTAMP NOT NULL,
    "status" VARCHAR(16),
    "checkin_date" DATE,
    "checkout_date" DATE,
    "reporting_total_price" DECIMAL(18,2),
    "_first_valid_from" TIMESTAMP,
    "_run_id" VARCHAR(100) NOT NULL,
    "_loaded_at" TIMESTAMP NOT NULL,
    "_version_at" TIMESTAMP NOT NULL,
    PRIMARY KEY ("booking_id", "valid_from")
)
DISTSTYLE KEY DISTKEY ("booking_id")
COMPOUND SORTKEY ("booking_id", "valid_from")
;

COMMENT ON TABLE "curated"."booking_versions" IS 'What a booking was, from when on.'
;

COMMENT ON COLUMN "curated"."booking_versions"."booking_id" IS 'The booking'
;

COMMENT ON COLUMN "curated"."booking_versions"."valid_from" IS 'Start of the version in UTC; it holds until the booking''s next one. The first known version starts when the booking was made unless it was canceled by then'
;

COMMENT ON COLUMN "curated"."booking_versions"."status" IS 'pending, confirmed or canceled; NULL once the booking is deleted'
;

COMMENT ON COLUMN "curated"."booking_versions"."checkin_date" IS 'First night; NULL once the booking is deleted'
;

COMMENT ON COLUMN "curated"."booking_versions"."checkout_date" IS 'Day of departure; NULL once the booking is deleted'
;

COMMENT ON COLUMN "curated"."booking_versions"."reporting_total_price" IS 'Price of the stay in the reporting currency at the rate of the day of booking; NULL once the booking is deleted'
;

COMMENT ON COLUMN "curated"."booking_versions"."_first_valid_from" IS 'From when on a first known version counts, from which valid_from is computed'
;

COMMENT ON COLUMN "curated"."booking_versions"."_run_id" IS 'The run that read the row, or found its key deleted'
;

COMMENT ON COLUMN "curated"."booking_versions"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

COMMENT ON COLUMN "curated"."booking_versions"."_version_at" IS 'Moment of the version itself, from which valid_from is computed'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "booking_id" BIGINT,
    "valid_from" TIMESTAMP,
    "status" VARCHAR(16),
    "checkin_date" DATE,
    "checkout_date" DATE,
    "reporting_total_price" DECIMAL(18,2),
    "_first_valid_from" TIMESTAMP,
    "_run_id" VARCHAR(100)
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("booking_id", "valid_from", "status", "checkin_date", "checkout_date", "reporting_total_price", "_first_valid_from", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("booking_id", "valid_from", "status", "checkin_date", "checkout_date", "reporting_total_price", "_first_valid_from", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

CREATE TABLE "ops"."stage_0a1b2c3d_1" (
    "booking_id" BIGINT,
    "valid_from" TIMESTAMP,
    "status" VARCHAR(16),
    "checkin_date" DATE,
    "checkout_date" DATE,
    "reporting_total_price" DECIMAL(18,2),
    "_first_valid_from" TIMESTAMP,
    "_run_id" VARCHAR(100),
    "_version_at" TIMESTAMP
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_1" ("booking_id", "valid_from", "status", "checkin_date", "checkout_date", "reporting_total_price", "_first_valid_from", "_run_id", "_version_at") SELECT "arrived"."booking_id", "arrived"."valid_from", "arrived"."status", "arrived"."checkin_date", "arrived"."checkout_date", "arrived"."reporting_total_price", "arrived"."_first_valid_from", "arrived"."_run_id", arrived.valid_from AS _version_at FROM "ops"."stage_0a1b2c3d_0" AS arrived LEFT JOIN (SELECT DISTINCT "booking_id" FROM "curated"."booking_versions") AS known ON arrived."booking_id" = known."booking_id" WHERE arrived._first_valid_from IS NULL OR arrived.valid_from > arrived._first_valid_from OR known."booking_id" IS NULL
;

DELETE FROM "curated"."booking_versions" USING "ops"."stage_0a1b2c3d_1" AS arrived WHERE "booking_versions"."booking_id" = "arrived"."booking_id" AND "booking_versions"."_version_at" = "arrived"."_version_at"
;

INSERT INTO "curated"."booking_versions" ("booking_id", "valid_from", "status", "checkin_date", "checkout_date", "reporting_total_price", "_first_valid_from", "_run_id", "_loaded_at", "_version_at")
SELECT arrived."booking_id", arrived."valid_from", arrived."status", arrived."checkin_date", arrived."checkout_date", arrived."reporting_total_price", arrived."_first_valid_from", arrived."_run_id", TIMESTAMP '2024-03-05 01:02:03.456789', arrived."valid_from"
FROM "ops"."stage_0a1b2c3d_1" AS arrived
;

DELETE FROM "curated"."booking_versions" USING "curated"."bookings" AS parent WHERE "booking_versions"."booking_id" = parent."booking_id" AND parent._run_id = '20240305T010203Z-abcdef' AND "booking_versions"._version_at > CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) AND (parent.is_deleted OR parent."modified_at" IS NULL OR "booking_versions"._version_at <> parent."modified_at")
;

INSERT INTO "curated"."booking_versions" ("booking_id", valid_from, "status", "checkin_date", "checkout_date", "reporting_total_price", _version_at, _run_id, _loaded_at) SELECT parent."booking_id", CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) AS valid_from, CASE WHEN NOT parent.is_deleted THEN parent."status" END AS "status", CASE WHEN NOT parent.is_deleted THEN parent."checkin_date" END AS "checkin_date", CASE WHEN NOT parent.is_deleted THEN parent."checkout_date" END AS "checkout_date", CASE WHEN NOT parent.is_deleted THEN parent."reporting_total_price" END AS "reporting_total_price", CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) AS _version_at, '20240305T010203Z-abcdef' AS _run_id, CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) AS _loaded_at FROM "curated"."bookings" AS parent INNER JOIN (SELECT *, ROW_NUMBER() OVER (PARTITION BY "booking_id" ORDER BY _version_at DESC NULLS LAST) AS newness FROM "curated"."booking_versions") AS newest ON parent."booking_id" = newest."booking_id" AND newest.newness = 1 WHERE parent._run_id = '20240305T010203Z-abcdef' AND ((parent.is_deleted AND (NOT newest."status" IS NULL OR NOT newest."checkin_date" IS NULL OR NOT newest."checkout_date" IS NULL OR NOT newest."reporting_total_price" IS NULL)) OR (NOT parent.is_deleted AND ("newest"."status" <> "parent"."status" OR ("newest"."status" IS NULL AND NOT "parent"."status" IS NULL) OR (NOT "newest"."status" IS NULL AND "parent"."status" IS NULL))) OR (NOT parent.is_deleted AND ("newest"."checkin_date" <> "parent"."checkin_date" OR ("newest"."checkin_date" IS NULL AND NOT "parent"."checkin_date" IS NULL) OR (NOT "newest"."checkin_date" IS NULL AND "parent"."checkin_date" IS NULL))) OR (NOT parent.is_deleted AND ("newest"."checkout_date" <> "parent"."checkout_date" OR ("newest"."checkout_date" IS NULL AND NOT "parent"."checkout_date" IS NULL) OR (NOT "newest"."checkout_date" IS NULL AND "parent"."checkout_date" IS NULL))) OR (NOT parent.is_deleted AND ("newest"."reporting_total_price" <> "parent"."reporting_total_price" OR ("newest"."reporting_total_price" IS NULL AND NOT "parent"."reporting_total_price" IS NULL) OR (NOT "newest"."reporting_total_price" IS NULL AND "parent"."reporting_total_price" IS NULL))))
;

UPDATE "curated"."booking_versions" AS target SET valid_from = timeline.valid_from FROM (SELECT "booking_id", _version_at, CASE WHEN place = 1 AND (next_version_at IS NULL OR _first_valid_from < next_version_at) THEN COALESCE(_first_valid_from, _version_at) ELSE _version_at END AS valid_from FROM (SELECT "booking_id", _version_at, _first_valid_from, ROW_NUMBER() OVER (PARTITION BY "booking_id" ORDER BY _version_at) AS place, LEAD(_version_at) OVER (PARTITION BY "booking_id" ORDER BY _version_at) AS next_version_at FROM "curated"."booking_versions" AS known WHERE EXISTS(SELECT 1 FROM "ops"."stage_0a1b2c3d_1" AS arrived WHERE "arrived"."booking_id" = "known"."booking_id")) AS versions) AS timeline WHERE "target"."booking_id" = "timeline"."booking_id" AND target._version_at = timeline._version_at AND target.valid_from <> timeline.valid_from
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

ANALYZE "curated"."booking_versions"
;

DELETE FROM "curated"."booking_versions" WHERE NOT "booking_versions"."reporting_total_price" IS NULL AND NOT EXISTS(SELECT 1 FROM (SELECT "held"."booking_id", "held"."_version_at", ROUND(held."reporting_total_price" * rates.rate, 2) AS amount FROM "curated"."booking_versions" AS held INNER JOIN "curated"."bookings" AS parent ON "held"."booking_id" = "parent"."booking_id" INNER JOIN curated.exchange_rates AS rates ON rates.currency = 'USD' AND rates.rate_date = COALESCE(CASE WHEN CAST(parent."booked_at" AS DATE) < CAST('2024-03-05' AS DATE) THEN CAST(parent."booked_at" AS DATE) END, CAST('2024-03-05' AS DATE)) WHERE ABS(held."reporting_total_price" * rates.rate) < 9999999999999999) AS made WHERE "booking_versions"."booking_id" = "made"."booking_id" AND "booking_versions"."_version_at" = "made"."_version_at")
;

UPDATE "curated"."booking_versions" AS target SET "reporting_total_price" = made.amount FROM (SELECT "held"."booking_id", "held"."_version_at", ROUND(held."reporting_total_price" * rates.rate, 2) AS amount FROM "curated"."booking_versions" AS held INNER JOIN "curated"."bookings" AS parent ON "held"."booking_id" = "parent"."booking_id" INNER JOIN curated.exchange_rates AS rates ON rates.currency = 'USD' AND rates.rate_date = COALESCE(CASE WHEN CAST(parent."booked_at" AS DATE) < CAST('2024-03-05' AS DATE) THEN CAST(parent."booked_at" AS DATE) END, CAST('2024-03-05' AS DATE)) WHERE ABS(held."reporting_total_price" * rates.rate) < 9999999999999999) AS made WHERE "target"."booking_id" = "made"."booking_id" AND "target"."_version_at" = "made"."_version_at"
;

