CREATE TABLE "ops"."stage_0a1b2c3d_p" (
    "run_id" VARCHAR(100),
    "as_of" DATE,
    "reporting_currency" VARCHAR(16),
    "known_from" DATE
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_p" ("run_id", "as_of", "reporting_currency", "known_from") VALUES ('20240305T010203Z-abcdef', DATE '2024-03-04', 'USD', DATE '2024-03-01')
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "booking_id" BIGINT,
    "valid_from" TIMESTAMP,
    "checkin_date" DATE,
    "checkout_date" DATE,
    "reporting_total_price" DECIMAL(18,2),
    "start_date" DATE,
    "end_date" DATE
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("booking_id", "valid_from", "checkin_date", "checkout_date", "reporting_total_price", "start_date", "end_date") SELECT CAST("booking_id" AS BIGINT) AS "booking_id", CAST("valid_from" AS TIMESTAMP) AS "valid_from", CAST("checkin_date" AS DATE) AS "checkin_date", CAST("checkout_date" AS DATE) AS "checkout_date", CAST(ROUND("reporting_total_price", 2) AS DECIMAL(18, 2)) AS "reporting_total_price", CAST("start_date" AS DATE) AS "start_date", CAST("end_date" AS DATE) AS "end_date" FROM (/* In force at the end of each day from start_date on, before end_date. */ WITH versions AS (SELECT booking_id, valid_from, status, checkin_date, checkout_date, reporting_total_price, CAST(valid_from AS DATE) AS start_date, CAST(LEAD(valid_from) OVER (PARTITION BY booking_id ORDER BY valid_from) AS DATE) AS end_date FROM curated.booking_versions) SELECT versions.booking_id, versions.valid_from, versions.checkin_date, versions.checkout_date, versions.reporting_total_price, GREATEST(versions.start_date, run_parameters.known_from) AS start_date, versions.end_date FROM versions CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE versions.status = 'confirmed' AND /* The month before is shown too. */ versions.checkout_date > CAST(DATE_TRUNC('MONTH', run_parameters.known_from) - INTERVAL '1 MONTH' AS DATE) AND (versions.end_date IS NULL OR versions.end_date > GREATEST(versions.start_date, run_parameters.known_from))) AS result
;

SELECT SUM(CASE WHEN "booking_id" IS NULL THEN 1 ELSE 0 END) AS "booking_id_not_null", SUM(CASE WHEN "valid_from" IS NULL THEN 1 ELSE 0 END) AS "valid_from_not_null", SUM(CASE WHEN "checkin_date" IS NULL THEN 1 ELSE 0 END) AS "checkin_date_not_null", SUM(CASE WHEN "checkout_date" IS NULL THEN 1 ELSE 0 END) AS "checkout_date_not_null", SUM(CASE WHEN "reporting_total_price" IS NULL THEN 1 ELSE 0 END) AS "reporting_total_price_not_null", SUM(CASE WHEN "start_date" IS NULL THEN 1 ELSE 0 END) AS "start_date_not_null", SUM(CASE WHEN start_date >= end_date THEN 1 ELSE 0 END) AS "version_has_a_day", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "booking_id", "valid_from" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "booking_id" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "booking_id_not_null", CAST(MIN(CASE WHEN "valid_from" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "valid_from_not_null", CAST(MIN(CASE WHEN "checkin_date" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "checkin_date_not_null", CAST(MIN(CASE WHEN "checkout_date" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "checkout_date_not_null", CAST(MIN(CASE WHEN "reporting_total_price" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "reporting_total_price_not_null", CAST(MIN(CASE WHEN "start_date" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "start_date_not_null", CAST(MIN(CASE WHEN start_date >= end_date THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "version_has_a_day", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "booking_id", "valid_from" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "intermediate"."confirmed_versions" (
    "booking_id" BIGINT NOT NULL,
    "valid_from" TIMESTAMP NOT NULL,
    "checkin_date" DATE NOT NULL,
    "checkout_date" DATE NOT NULL,
    "reporting_total_price" DECIMAL(18,2) NOT NULL,
    "start_date" DATE NOT NULL,
    "end_date" DATE,
    PRIMARY KEY ("booking_id", "valid_from")
)
DISTSTYLE KEY DISTKEY ("booking_id")
COMPOUND SORTKEY ("booking_id", "valid_from")
;

INSERT INTO "intermediate"."confirmed_versions" ("booking_id", "valid_from", "checkin_date", "checkout_date", "reporting_total_price", "start_date", "end_date") SELECT "booking_id", "valid_from", "checkin_date", "checkout_date", "reporting_total_price", "start_date", "end_date" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "intermediate"."confirmed_versions"
;

DELETE FROM "intermediate"."confirmed_versions"
;

COMMENT ON TABLE "intermediate"."confirmed_versions" IS 'Versions of bookings that say confirmed and were in force at the end of a day (UTC) from the first loaded run on: from start_date to the day before end_date, which is empty where the version still holds. Before that run it is not known what was on the books, so that days before it are left out, and so are stays that were over before the month before it.'
;

COMMENT ON COLUMN "intermediate"."confirmed_versions"."booking_id" IS 'Booking'
;

COMMENT ON COLUMN "intermediate"."confirmed_versions"."valid_from" IS 'Start of the version in UTC'
;

COMMENT ON COLUMN "intermediate"."confirmed_versions"."checkin_date" IS 'First night'
;

COMMENT ON COLUMN "intermediate"."confirmed_versions"."checkout_date" IS 'Day of departure'
;

COMMENT ON COLUMN "intermediate"."confirmed_versions"."reporting_total_price" IS 'Price of the stay in the reporting currency'
;

COMMENT ON COLUMN "intermediate"."confirmed_versions"."start_date" IS 'First day at whose end the version was in force'
;

COMMENT ON COLUMN "intermediate"."confirmed_versions"."end_date" IS 'First day at whose end it was no longer; NULL where it still is'
;

