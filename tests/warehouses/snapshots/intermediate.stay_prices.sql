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

CREATE TABLE "ops"."stage_0a1b2c3d_1" (
    "kind" VARCHAR(16),
    "booking_id" BIGINT,
    "valid_from" TIMESTAMP,
    "listing_id" BIGINT,
    "checkin_date" DATE,
    "end_date" DATE,
    "cents_each" BIGINT,
    "cents_over" BIGINT
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_1" ("kind", "booking_id", "valid_from", "listing_id", "checkin_date", "end_date", "cents_each", "cents_over") SELECT CAST("kind" AS VARCHAR(MAX)) AS "kind", CAST("booking_id" AS BIGINT) AS "booking_id", CAST("valid_from" AS TIMESTAMP) AS "valid_from", CAST("listing_id" AS BIGINT) AS "listing_id", CAST("checkin_date" AS DATE) AS "checkin_date", CAST("end_date" AS DATE) AS "end_date", CAST("cents_each" AS BIGINT) AS "cents_each", CAST("cents_over" AS BIGINT) AS "cents_over" FROM (WITH confirmed AS (SELECT 'now' AS kind, made.booking_id, made.booked_at AS valid_from, made.listing_id, made.checkin_date, made.checkout_date, made.reporting_total_price, LEAST(made.checkout_date, CAST(run_parameters.as_of + INTERVAL '1 DAY' AS DATE)) AS end_date FROM curated.bookings AS made CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT made.is_deleted AND made.status = 'confirmed' AND made.checkin_date <= run_parameters.as_of UNION ALL SELECT 'version' AS kind, versions.booking_id, versions.valid_from, NULLIF(versions.booking_id, versions.booking_id) AS listing_id, versions.checkin_date, versions.checkout_date, versions.reporting_total_price, versions.checkout_date AS end_date FROM ops.stage_0a1b2c3d_0 AS versions), stays AS (SELECT kind, booking_id, valid_from, listing_id, checkin_date, end_date, DATEDIFF(DAY, checkin_date, checkout_date) AS nights, CAST(ROUND(CAST(ROUND(reporting_total_price, 2) AS DECIMAL(20, 2)) * 100, 0) AS BIGINT) AS cents FROM confirmed WHERE checkout_date > LEAST(end_date, CAST(DATE_TRUNC('MONTH', checkin_date) + INTERVAL '1 MONTH' AS DATE))), halves /* Engines divide whole numbers as floating point ones, which hold each half of the cents. */ AS (SELECT kind, booking_id, valid_from, listing_id, checkin_date, end_date, nights, CAST(ROUND(CAST((cents - cents % NULLIF((1000000000), 0)) AS DOUBLE PRECISION) / 1000000000, 0) AS BIGINT) AS upper_half, cents % NULLIF((1000000000), 0) AS lower_half FROM stays), carried AS (SELECT kind, booking_id, valid_from, listing_id, checkin_date, end_date, nights, upper_half % NULLIF((nights), 0) * 1000000000 + lower_half AS rest, CAST(ROUND(CAST((upper_half - upper_half % NULLIF((nights), 0)) AS DOUBLE PRECISION) / nights, 0) AS BIGINT) AS upper_each FROM halves) SELECT kind, booking_id, valid_from, listing_id, checkin_date, end_date, upper_each * 1000000000 + CAST(ROUND(CAST((rest - rest % NULLIF((nights), 0)) AS DOUBLE PRECISION) / nights, 0) AS BIGINT) AS cents_each, rest % NULLIF((nights), 0) AS cents_over FROM carried) AS result
;

SELECT SUM(CASE WHEN "booking_id" IS NULL THEN 1 ELSE 0 END) AS "booking_id_not_null", SUM(CASE WHEN "valid_from" IS NULL THEN 1 ELSE 0 END) AS "valid_from_not_null", SUM(CASE WHEN "checkin_date" IS NULL THEN 1 ELSE 0 END) AS "checkin_date_not_null", SUM(CASE WHEN "checkout_date" IS NULL THEN 1 ELSE 0 END) AS "checkout_date_not_null", SUM(CASE WHEN "reporting_total_price" IS NULL THEN 1 ELSE 0 END) AS "reporting_total_price_not_null", SUM(CASE WHEN "start_date" IS NULL THEN 1 ELSE 0 END) AS "start_date_not_null", SUM(CASE WHEN start_date >= end_date THEN 1 ELSE 0 END) AS "version_has_a_day", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "booking_id", "valid_from" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "booking_id" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "booking_id_not_null", CAST(MIN(CASE WHEN "valid_from" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "valid_from_not_null", CAST(MIN(CASE WHEN "checkin_date" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "checkin_date_not_null", CAST(MIN(CASE WHEN "checkout_date" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "checkout_date_not_null", CAST(MIN(CASE WHEN "reporting_total_price" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "reporting_total_price_not_null", CAST(MIN(CASE WHEN "start_date" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "start_date_not_null", CAST(MIN(CASE WHEN start_date >= end_date THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "version_has_a_day", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "booking_id", "valid_from" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT SUM(CASE WHEN "kind" IS NULL THEN 1 ELSE 0 END) AS "kind_not_null", SUM(CASE WHEN "booking_id" IS NULL THEN 1 ELSE 0 END) AS "booking_id_not_null", SUM(CASE WHEN "valid_from" IS NULL THEN 1 ELSE 0 END) AS "valid_from_not_null", SUM(CASE WHEN "checkin_date" IS NULL THEN 1 ELSE 0 END) AS "checkin_date_not_null", SUM(CASE WHEN "end_date" IS NULL THEN 1 ELSE 0 END) AS "end_date_not_null", SUM(CASE WHEN "cents_each" IS NULL THEN 1 ELSE 0 END) AS "cents_each_not_null", SUM(CASE WHEN "cents_over" IS NULL THEN 1 ELSE 0 END) AS "cents_over_not_null", SUM(CASE WHEN cents_each < 0 OR cents_over < 0 THEN 1 ELSE 0 END) AS "cents_not_negative", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "kind", "booking_id", "valid_from" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
;

SELECT CAST(MIN(CASE WHEN "kind" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "kind_not_null", CAST(MIN(CASE WHEN "booking_id" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "booking_id_not_null", CAST(MIN(CASE WHEN "valid_from" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "valid_from_not_null", CAST(MIN(CASE WHEN "checkin_date" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "checkin_date_not_null", CAST(MIN(CASE WHEN "end_date" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "end_date_not_null", CAST(MIN(CASE WHEN "cents_each" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "cents_each_not_null", CAST(MIN(CASE WHEN "cents_over" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "cents_over_not_null", CAST(MIN(CASE WHEN cents_each < 0 OR cents_over < 0 THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "cents_not_negative", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "kind", "booking_id", "valid_from" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
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

CREATE TABLE "intermediate"."stay_prices" (
    "kind" VARCHAR(16) NOT NULL,
    "booking_id" BIGINT NOT NULL,
    "valid_from" TIMESTAMP NOT NULL,
    "listing_id" BIGINT,
    "checkin_date" DATE NOT NULL,
    "end_date" DATE NOT NULL,
    "cents_each" BIGINT NOT NULL,
    "cents_over" BIGINT NOT NULL,
    PRIMARY KEY ("kind", "booking_id", "valid_from")
)
DISTSTYLE KEY DISTKEY ("booking_id")
COMPOUND SORTKEY ("checkin_date")
;

INSERT INTO "intermediate"."stay_prices" ("kind", "booking_id", "valid_from", "listing_id", "checkin_date", "end_date", "cents_each", "cents_over") SELECT "kind", "booking_id", "valid_from", "listing_id", "checkin_date", "end_date", "cents_each", "cents_over" FROM "ops"."stage_0a1b2c3d_1"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

DROP TABLE "intermediate"."stay_prices"
;

DELETE FROM "intermediate"."stay_prices"
;

COMMENT ON TABLE "intermediate"."stay_prices" IS 'The price of each confirmed booking that lies in several months or is not over, in the reporting currency, in hundredths, spread evenly over its nights: cents_each for every night, and one more for each of the first cents_over ones, so that nothing is lost. A stay covers the nights from its check-in date to the day before its check-out date. Kind ''now'' has bookings as they are, with nights up to and including the last day the numbers include; kind ''version'' has what each version of a booking that was on the books said, future nights too.'
;

COMMENT ON COLUMN "intermediate"."stay_prices"."kind" IS 'now, or version'
;

COMMENT ON COLUMN "intermediate"."stay_prices"."booking_id" IS 'Booking'
;

COMMENT ON COLUMN "intermediate"."stay_prices"."valid_from" IS 'Start of the version in UTC; for kind now, when it was booked'
;

COMMENT ON COLUMN "intermediate"."stay_prices"."listing_id" IS 'Listing; NULL for kind version'
;

COMMENT ON COLUMN "intermediate"."stay_prices"."checkin_date" IS 'First night'
;

COMMENT ON COLUMN "intermediate"."stay_prices"."end_date" IS 'Day after the last night that counts'
;

COMMENT ON COLUMN "intermediate"."stay_prices"."cents_each" IS 'Hundredths of the reporting currency that each night brings'
;

COMMENT ON COLUMN "intermediate"."stay_prices"."cents_over" IS 'How many of the first nights bring one more'
;

