CREATE TABLE IF NOT EXISTS "raw_data"."bookings" (
    "booking_id" BIGINT NOT NULL,
    "user_id" BIGINT,
    "apartment_id" BIGINT,
    "booking_date" TIMESTAMP,
    "checkin_date" DATE,
    "checkout_date" DATE,
    "total_price" DECIMAL(12,2),
    "currency" VARCHAR(400),
    "booking_status" VARCHAR(400),
    "payment_status" VARCHAR(400),
    "num_guests" BIGINT,
    "updated_at" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN,
    "_loaded_at" TIMESTAMP NOT NULL,
    PRIMARY KEY ("booking_id")
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "raw_data"."bookings" IS 'Bookings of listings by users, one row per booking.'
;

COMMENT ON COLUMN "raw_data"."bookings"."booking_id" IS 'Identifies the booking'
;

COMMENT ON COLUMN "raw_data"."bookings"."user_id" IS 'Who booked'
;

COMMENT ON COLUMN "raw_data"."bookings"."apartment_id" IS 'The listing booked'
;

COMMENT ON COLUMN "raw_data"."bookings"."booking_date" IS 'When the booking was made in UTC'
;

COMMENT ON COLUMN "raw_data"."bookings"."checkin_date" IS 'First night'
;

COMMENT ON COLUMN "raw_data"."bookings"."checkout_date" IS 'Day of departure'
;

COMMENT ON COLUMN "raw_data"."bookings"."total_price" IS 'Price of the whole stay in the booking''s currency'
;

COMMENT ON COLUMN "raw_data"."bookings"."currency" IS 'ISO 4217 code of the price'
;

COMMENT ON COLUMN "raw_data"."bookings"."booking_status" IS 'pending, confirmed, completed, checked out or canceled'
;

COMMENT ON COLUMN "raw_data"."bookings"."payment_status" IS 'State of the payment'
;

COMMENT ON COLUMN "raw_data"."bookings"."num_guests" IS 'Number of guests'
;

COMMENT ON COLUMN "raw_data"."bookings"."updated_at" IS 'When the row last changed in UTC'
;

COMMENT ON COLUMN "raw_data"."bookings"."_row_id" IS 'Orders rows by run and place'
;

COMMENT ON COLUMN "raw_data"."bookings"."_run_id" IS 'The run that read the row, or found its key deleted'
;

COMMENT ON COLUMN "raw_data"."bookings"."_extracted_at" IS 'Upper bound of that run in UTC'
;

COMMENT ON COLUMN "raw_data"."bookings"."_is_deleted" IS 'Whether the key was deleted in the source'
;

COMMENT ON COLUMN "raw_data"."bookings"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0_all" (
    "booking_id" BIGINT,
    "user_id" BIGINT,
    "apartment_id" BIGINT,
    "booking_date" TIMESTAMP,
    "checkin_date" DATE,
    "checkout_date" DATE,
    "total_price" DECIMAL(12,2),
    "currency" VARCHAR(400),
    "booking_status" VARCHAR(400),
    "payment_status" VARCHAR(400),
    "num_guests" BIGINT,
    "updated_at" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0_all" ("booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "booking_id" BIGINT,
    "user_id" BIGINT,
    "apartment_id" BIGINT,
    "booking_date" TIMESTAMP,
    "checkin_date" DATE,
    "checkout_date" DATE,
    "total_price" DECIMAL(12,2),
    "currency" VARCHAR(400),
    "booking_status" VARCHAR(400),
    "payment_status" VARCHAR(400),
    "num_guests" BIGINT,
    "updated_at" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted") SELECT "booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted" FROM (SELECT "booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted", ROW_NUMBER() OVER (PARTITION BY "booking_id" ORDER BY "updated_at" DESC NULLS LAST, "_row_id" DESC NULLS LAST) AS _newness FROM "ops"."stage_0a1b2c3d_0_all" AS arrived) AS ranked WHERE NOT "booking_id" IS NULL AND _newness = 1
;

COPY "ops"."stage_0a1b2c3d_0_all" ("booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

CREATE TABLE "ops"."stage_0a1b2c3d_1" (
    "booking_id" BIGINT,
    "user_id" BIGINT,
    "apartment_id" BIGINT,
    "booking_date" TIMESTAMP,
    "checkin_date" DATE,
    "checkout_date" DATE,
    "total_price" DECIMAL(12,2),
    "currency" VARCHAR(400),
    "booking_status" VARCHAR(400),
    "payment_status" VARCHAR(400),
    "num_guests" BIGINT,
    "updated_at" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_1" ("booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_1" ("booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

MERGE INTO "raw_data"."bookings"
USING "ops"."stage_0a1b2c3d_0" AS arrived
ON "bookings"."booking_id" = "arrived"."booking_id"
WHEN MATCHED THEN UPDATE SET
    "user_id" = arrived."user_id",
    "apartment_id" = arrived."apartment_id",
    "booking_date" = arrived."booking_date",
    "checkin_date" = arrived."checkin_date",
    "checkout_date" = arrived."checkout_date",
    "total_price" = arrived."total_price",
    "currency" = arrived."currency",
    "booking_status" = arrived."booking_status",
    "payment_status" = arrived."payment_status",
    "num_guests" = arrived."num_guests",
    "updated_at" = arrived."updated_at",
    "_row_id" = arrived."_row_id",
    "_run_id" = arrived."_run_id",
    "_extracted_at" = arrived."_extracted_at",
    "_is_deleted" = CAST(NULL AS DATE),
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at"
) VALUES (
    arrived."booking_id", arrived."user_id", arrived."apartment_id", arrived."booking_date", arrived."checkin_date", arrived."checkout_date", arrived."total_price", arrived."currency", arrived."booking_status", arrived."payment_status", arrived."num_guests", arrived."updated_at", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789'
)
;

UPDATE "raw_data"."bookings" AS target SET "_is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) FROM "ops"."stage_0a1b2c3d_1" AS arrived WHERE "target"."booking_id" = "arrived"."booking_id" AND NOT target."_is_deleted"
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

MERGE INTO "raw_data"."bookings"
USING "ops"."stage_0a1b2c3d_0" AS arrived
ON "bookings"."booking_id" = "arrived"."booking_id"
WHEN MATCHED THEN UPDATE SET
    "user_id" = arrived."user_id",
    "apartment_id" = arrived."apartment_id",
    "booking_date" = arrived."booking_date",
    "checkin_date" = arrived."checkin_date",
    "checkout_date" = arrived."checkout_date",
    "total_price" = arrived."total_price",
    "currency" = arrived."currency",
    "booking_status" = arrived."booking_status",
    "payment_status" = arrived."payment_status",
    "num_guests" = arrived."num_guests",
    "updated_at" = arrived."updated_at",
    "_row_id" = arrived."_row_id",
    "_run_id" = arrived."_run_id",
    "_extracted_at" = arrived."_extracted_at",
    "_is_deleted" = arrived."_is_deleted",
    "_loaded_at" = TIMESTAMP '2024-03-05 01:02:03.456789',
    "no_longer_read" = NULL
WHEN NOT MATCHED THEN INSERT (
    "booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at"
) VALUES (
    arrived."booking_id", arrived."user_id", arrived."apartment_id", arrived."booking_date", arrived."checkin_date", arrived."checkout_date", arrived."total_price", arrived."currency", arrived."booking_status", arrived."payment_status", arrived."num_guests", arrived."updated_at", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", arrived."_is_deleted", TIMESTAMP '2024-03-05 01:02:03.456789'
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

ANALYZE "raw_data"."bookings"
;

UPDATE "raw_data"."bookings" AS target SET "_is_deleted" = TRUE, _run_id = '20240305T010203Z-abcdef', _loaded_at = CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) WHERE NOT target."_is_deleted" AND NOT EXISTS(SELECT 1 FROM "ops"."stage_0a1b2c3d_0" AS arrived WHERE "target"."booking_id" = "arrived"."booking_id")
;

CREATE TABLE IF NOT EXISTS "raw_data"."bookings" (
    "booking_id" BIGINT,
    "user_id" BIGINT,
    "apartment_id" BIGINT,
    "booking_date" TIMESTAMP,
    "checkin_date" DATE,
    "checkout_date" DATE,
    "total_price" DECIMAL(12,2),
    "currency" VARCHAR(400),
    "booking_status" VARCHAR(400),
    "payment_status" VARCHAR(400),
    "num_guests" BIGINT,
    "updated_at" TIMESTAMP,
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN,
    "_loaded_at" TIMESTAMP NOT NULL
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

DELETE FROM "raw_data"."bookings" WHERE "booking_date" >= CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) AND "booking_date" < CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP)
;

INSERT INTO "raw_data"."bookings" ("booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at")
SELECT arrived."booking_id", arrived."user_id", arrived."apartment_id", arrived."booking_date", arrived."checkin_date", arrived."checkout_date", arrived."total_price", arrived."currency", arrived."booking_status", arrived."payment_status", arrived."num_guests", arrived."updated_at", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789'
FROM "ops"."stage_0a1b2c3d_0" AS arrived
;

INSERT INTO "raw_data"."bookings" ("booking_id", "user_id", "apartment_id", "booking_date", "checkin_date", "checkout_date", "total_price", "currency", "booking_status", "payment_status", "num_guests", "updated_at", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at")
SELECT arrived."booking_id", arrived."user_id", arrived."apartment_id", arrived."booking_date", arrived."checkin_date", arrived."checkout_date", arrived."total_price", arrived."currency", arrived."booking_status", arrived."payment_status", arrived."num_guests", arrived."updated_at", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", arrived."_is_deleted", TIMESTAMP '2024-03-05 01:02:03.456789'
FROM "ops"."stage_0a1b2c3d_0" AS arrived
;

DELETE FROM "raw_data"."bookings"
;

