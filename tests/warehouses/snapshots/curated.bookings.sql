CREATE TABLE IF NOT EXISTS "curated"."bookings" (
    "booking_id" BIGINT NOT NULL,
    "user_id" BIGINT NOT NULL,
    "listing_id" BIGINT NOT NULL,
    "booked_at" TIMESTAMP NOT NULL,
    "checkin_date" DATE NOT NULL,
    "checkout_date" DATE NOT NULL,
    "stay_nights" INTEGER NOT NULL,
    "lead_days" INTEGER NOT NULL,
    "total_price" DECIMAL(18,2) NOT NULL,
    "currency" VARCHAR(16) NOT NULL,
    "reporting_total_price" DECIMAL(18,2) NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "payment_status" VARCHAR(1024),
    "guests" BIGINT,
    "modified_at" TIMESTAMP NOT NULL,
    "_run_id" VARCHAR(100) NOT NULL,
    "_loaded_at" TIMESTAMP NOT NULL,
    "is_deleted" BOOLEAN NOT NULL,
    PRIMARY KEY ("booking_id")
)
DISTSTYLE KEY DISTKEY ("listing_id")
COMPOUND SORTKEY ("booked_at")
;

COMMENT ON TABLE "curated"."bookings" IS 'Bookings of listings with the length of the stay and the price in the reporting currency.'
;

COMMENT ON COLUMN "curated"."bookings"."booking_id" IS 'Identifies the booking'
;

COMMENT ON COLUMN "curated"."bookings"."user_id" IS 'Who booked'
;

COMMENT ON COLUMN "curated"."bookings"."listing_id" IS 'The listing booked'
;

COMMENT ON COLUMN "curated"."bookings"."booked_at" IS 'When the booking was made in UTC'
;

COMMENT ON COLUMN "curated"."bookings"."checkin_date" IS 'First night'
;

COMMENT ON COLUMN "curated"."bookings"."checkout_date" IS 'Day of departure'
;

COMMENT ON COLUMN "curated"."bookings"."stay_nights" IS 'Nights from check-in to check-out'
;

COMMENT ON COLUMN "curated"."bookings"."lead_days" IS 'Days from booking to check-in'
;

COMMENT ON COLUMN "curated"."bookings"."total_price" IS 'Price of the stay in the booking''s currency'
;

COMMENT ON COLUMN "curated"."bookings"."currency" IS 'ISO 4217 code of the price; marketplace.default_currency where the source does not say'
;

COMMENT ON COLUMN "curated"."bookings"."reporting_total_price" IS 'Price of the stay in the reporting currency at the rate of the day of booking'
;

COMMENT ON COLUMN "curated"."bookings"."status" IS 'pending, confirmed or canceled'
;

COMMENT ON COLUMN "curated"."bookings"."payment_status" IS 'State of the payment'
;

COMMENT ON COLUMN "curated"."bookings"."guests" IS 'Number of guests'
;

COMMENT ON COLUMN "curated"."bookings"."modified_at" IS 'When the booking last changed in UTC; when it was made where the source does not say'
;

COMMENT ON COLUMN "curated"."bookings"."_run_id" IS 'The run that read the row, or found its key deleted'
;

COMMENT ON COLUMN "curated"."bookings"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

COMMENT ON COLUMN "curated"."bookings"."is_deleted" IS 'Whether the key was deleted in the source; the other columns keep their last values'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "booking_id" BIGINT,
    "user_id" BIGINT,
    "listing_id" BIGINT,
    "booked_at" TIMESTAMP,
    "checkin_date" DATE,
    "checkout_date" DATE,
    "stay_nights" INTEGER,
    "lead_days" INTEGER,
    "total_price" DECIMAL(18,2),
    "currency" VARCHAR(16),
    "reporting_total_price" DECIMAL(18,2),
    "status" VARCHAR(16),
    "payment_status" VARCHAR(1024),
    "guests" BIGINT,
    "modified_at" TIMESTAMP,
    "_run_id" VARCHAR(100)
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("booking_id", "user_id", "listing_id", "booked_at", "checkin_date", "checkout_date", "stay_nights", "lead_days", "total_price", "currency", "reporting_total_price", "status", "payment_status", "guests", "modified_at", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("booking_id", "user_id", "listing_id", "booked_at", "checkin_date", "checkout_date", "stay_nights", "lead_days", "total_price", "currency", "reporting_total_price", "status", "payment_status", "guests", "modified_at", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

CREATE TABLE "ops"."stage_0a1b2c3d_1" (
    "booking_id" BIGINT
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_1" ("booking_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_1" ("booking_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

CREATE TABLE "ops"."stage_0a1b2c3d_2" (
    "booking_id" BIGINT
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_2" ("booking_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_2" ("booking_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

DELETE FROM "curated"."bookings" USING "ops"."stage_0a1b2c3d_2" AS arrived WHERE "bookings"."booking_id" = "arrived"."booking_id"
;

MERGE INTO "curated"."bookings"
USING "ops"."stage_0a1b2c3d_0" AS arrived
ON "bookings"."booking_id" = "arrived"."booking_id"
WHEN MATCHED THEN UPDATE SET
    "user_id" = arrived."user_id",
    "listing_id" = arrived."listing_id",
    "booked_at" = arrived."booked_at",
    "checkin_date" = arrived."checkin_date",
    "checkout_date" = arrived."checkout_date",
    "stay_nights" = arrived."stay_nights",
    "lead_days" = arrived."lead_days",
    "total_price" = arrived."total_price",
    "currency" = arrived."currency",
    "reporting_total_price" = arrived."reporting_total_price",
    "status" = arrived."status",
    "payment_status" = arrived."payment_status",
    "guests" = arrived."guests",
    "modified_at" = arrived."modified_at",
    "_run_id" = CAST(NULL AS DATE),
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "is_deleted" = FALSE,
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "booking_id", "user_id", "listing_id", "booked_at", "checkin_date", "checkout_date", "stay_nights", "lead_days", "total_price", "currency", "reporting_total_price", "status", "payment_status", "guests", "modified_at", "_run_id", "_loaded_at", "is_deleted"
) VALUES (
    arrived."booking_id", arrived."user_id", arrived."listing_id", arrived."booked_at", arrived."checkin_date", arrived."checkout_date", arrived."stay_nights", arrived."lead_days", arrived."total_price", arrived."currency", arrived."reporting_total_price", arrived."status", arrived."payment_status", arrived."guests", arrived."modified_at", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789', FALSE
)
;

UPDATE "curated"."bookings" AS target SET "is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) FROM "ops"."stage_0a1b2c3d_1" AS arrived WHERE "target"."booking_id" = "arrived"."booking_id" AND NOT target."is_deleted"
;

INSERT INTO "ops"."check_results" (run_id, table_name, check_name, severity, failed_rows, sample) SELECT '20240305T010203Z-abcdef', 'bookings', 'unknown_listing', 'warn', failed_rows, sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(child."listing_id") AS VARCHAR(MAX)) AS sample FROM "curated"."bookings" AS child WHERE NOT child."listing_id" IS NULL AND child._run_id = '20240305T010203Z-abcdef' AND NOT child.is_deleted AND NOT EXISTS(SELECT 1 FROM "curated"."listings" AS parent WHERE parent."listing_id" = child."listing_id")) AS found
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

MERGE INTO "curated"."bookings"
USING "ops"."stage_0a1b2c3d_0" AS arrived
ON "bookings"."booking_id" = "arrived"."booking_id"
WHEN MATCHED THEN UPDATE SET
    "user_id" = arrived."user_id",
    "listing_id" = arrived."listing_id",
    "booked_at" = arrived."booked_at",
    "checkin_date" = arrived."checkin_date",
    "checkout_date" = arrived."checkout_date",
    "stay_nights" = arrived."stay_nights",
    "lead_days" = arrived."lead_days",
    "total_price" = arrived."total_price",
    "currency" = arrived."currency",
    "reporting_total_price" = arrived."reporting_total_price",
    "status" = arrived."status",
    "payment_status" = arrived."payment_status",
    "guests" = arrived."guests",
    "modified_at" = arrived."modified_at",
    "_run_id" = arrived."_run_id",
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "is_deleted" = FALSE,
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "booking_id", "user_id", "listing_id", "booked_at", "checkin_date", "checkout_date", "stay_nights", "lead_days", "total_price", "currency", "reporting_total_price", "status", "payment_status", "guests", "modified_at", "_run_id", "_loaded_at", "is_deleted"
) VALUES (
    arrived."booking_id", arrived."user_id", arrived."listing_id", arrived."booked_at", arrived."checkin_date", arrived."checkout_date", arrived."stay_nights", arrived."lead_days", arrived."total_price", arrived."currency", arrived."reporting_total_price", arrived."status", arrived."payment_status", arrived."guests", arrived."modified_at", arrived."_run_id", TIMESTAMP '2024-03-05 01:02:03.456789', FALSE
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

ANALYZE "curated"."bookings"
;

DELETE FROM "curated"."bookings" WHERE NOT "bookings"."reporting_total_price" IS NULL AND NOT EXISTS(SELECT 1 FROM (SELECT "held"."booking_id", ROUND(held."reporting_total_price" * rates.rate, 2) AS amount FROM "curated"."bookings" AS held INNER JOIN curated.exchange_rates AS rates ON rates.currency = 'USD' AND rates.rate_date = COALESCE(CASE WHEN CAST(held."booked_at" AS DATE) < CAST('2024-03-05' AS DATE) THEN CAST(held."booked_at" AS DATE) END, CAST('2024-03-05' AS DATE)) WHERE ABS(held."reporting_total_price" * rates.rate) < 9999999999999999) AS made WHERE "bookings"."booking_id" = "made"."booking_id")
;

UPDATE "curated"."bookings" AS target SET "reporting_total_price" = made.amount FROM (SELECT "held"."booking_id", ROUND(held."reporting_total_price" * rates.rate, 2) AS amount FROM "curated"."bookings" AS held INNER JOIN curated.exchange_rates AS rates ON rates.currency = 'USD' AND rates.rate_date = COALESCE(CASE WHEN CAST(held."booked_at" AS DATE) < CAST('2024-03-05' AS DATE) THEN CAST(held."booked_at" AS DATE) END, CAST('2024-03-05' AS DATE)) WHERE ABS(held."reporting_total_price" * rates.rate) < 9999999999999999) AS made WHERE "target"."booking_id" = "made"."booking_id"
;

UPDATE "curated"."bookings" AS target SET "is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) WHERE NOT target."is_deleted" AND NOT EXISTS(SELECT 1 FROM "ops"."stage_0a1b2c3d_0" AS arrived WHERE "target"."booking_id" = "arrived"."booking_id")
;

