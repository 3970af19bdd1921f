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
    "month_start" DATE,
    "next_month_start" DATE,
    "month_number" BIGINT
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_1" ("month_start", "next_month_start", "month_number") SELECT CAST("month_start" AS DATE) AS "month_start", CAST("next_month_start" AS DATE) AS "next_month_start", CAST("month_number" AS BIGINT) AS "month_number" FROM (SELECT calendar.month_start, CAST(MAX(calendar.calendar_date) + INTERVAL '1 DAY' AS DATE) AS next_month_start, CAST(ROW_NUMBER() OVER (ORDER BY calendar.month_start) AS BIGINT) AS month_number FROM curated.calendar AS calendar CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE calendar.month_start <= CAST(run_parameters.as_of + INTERVAL '366 DAY' AS DATE) GROUP BY calendar.month_start) AS result
;

CREATE TABLE "ops"."stage_0a1b2c3d_2" (
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

INSERT INTO "ops"."stage_0a1b2c3d_2" ("kind", "booking_id", "valid_from", "listing_id", "checkin_date", "end_date", "cents_each", "cents_over") SELECT CAST("kind" AS VARCHAR(MAX)) AS "kind", CAST("booking_id" AS BIGINT) AS "booking_id", CAST("valid_from" AS TIMESTAMP) AS "valid_from", CAST("listing_id" AS BIGINT) AS "listing_id", CAST("checkin_date" AS DATE) AS "checkin_date", CAST("end_date" AS DATE) AS "end_date", CAST("cents_each" AS BIGINT) AS "cents_each", CAST("cents_over" AS BIGINT) AS "cents_over" FROM (WITH confirmed AS (SELECT 'now' AS kind, made.booking_id, made.booked_at AS valid_from, made.listing_id, made.checkin_date, made.checkout_date, made.reporting_total_price, LEAST(made.checkout_date, CAST(run_parameters.as_of + INTERVAL '1 DAY' AS DATE)) AS end_date FROM curated.bookings AS made CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT made.is_deleted AND made.status = 'confirmed' AND made.checkin_date <= run_parameters.as_of UNION ALL SELECT 'version' AS kind, versions.booking_id, versions.valid_from, NULLIF(versions.booking_id, versions.booking_id) AS listing_id, versions.checkin_date, versions.checkout_date, versions.reporting_total_price, versions.checkout_date AS end_date FROM ops.stage_0a1b2c3d_0 AS versions), stays AS (SELECT kind, booking_id, valid_from, listing_id, checkin_date, end_date, DATEDIFF(DAY, checkin_date, checkout_date) AS nights, CAST(ROUND(CAST(ROUND(reporting_total_price, 2) AS DECIMAL(20, 2)) * 100, 0) AS BIGINT) AS cents FROM confirmed WHERE checkout_date > LEAST(end_date, CAST(DATE_TRUNC('MONTH', checkin_date) + INTERVAL '1 MONTH' AS DATE))), halves /* Engines divide whole numbers as floating point ones, which hold each half of the cents. */ AS (SELECT kind, booking_id, valid_from, listing_id, checkin_date, end_date, nights, CAST(ROUND(CAST((cents - cents % NULLIF((1000000000), 0)) AS DOUBLE PRECISION) / 1000000000, 0) AS BIGINT) AS upper_half, cents % NULLIF((1000000000), 0) AS lower_half FROM stays), carried AS (SELECT kind, booking_id, valid_from, listing_id, checkin_date, end_date, nights, upper_half % NULLIF((nights), 0) * 1000000000 + lower_half AS rest, CAST(ROUND(CAST((upper_half - upper_half % NULLIF((nights), 0)) AS DOUBLE PRECISION) / nights, 0) AS BIGINT) AS upper_each FROM halves) SELECT kind, booking_id, valid_from, listing_id, checkin_date, end_date, upper_each * 1000000000 + CAST(ROUND(CAST((rest - rest % NULLIF((nights), 0)) AS DOUBLE PRECISION) / nights, 0) AS BIGINT) AS cents_each, rest % NULLIF((nights), 0) AS cents_over FROM carried) AS result
;

CREATE TABLE "ops"."stage_0a1b2c3d_3" (
    "kind" VARCHAR(16),
    "booking_id" BIGINT,
    "valid_from" TIMESTAMP,
    "month_start" DATE,
    "listing_id" BIGINT,
    "nights" BIGINT,
    "revenue" DECIMAL(18,2)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_3" ("kind", "booking_id", "valid_from", "month_start", "listing_id", "nights", "revenue") SELECT CAST("kind" AS VARCHAR(MAX)) AS "kind", CAST("booking_id" AS BIGINT) AS "booking_id", CAST("valid_from" AS TIMESTAMP) AS "valid_from", CAST("month_start" AS DATE) AS "month_start", CAST("listing_id" AS BIGINT) AS "listing_id", CAST("nights" AS BIGINT) AS "nights", CAST(ROUND("revenue", 2) AS DECIMAL(18, 2)) AS "revenue" FROM (/* Most stays lie in one month, and bring their price in it. */ WITH whole_stays AS (SELECT 'now' AS kind, bookings.booking_id, bookings.booked_at AS valid_from, bookings.listing_id, bookings.checkin_date, bookings.checkout_date, bookings.reporting_total_price FROM curated.bookings AS bookings CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT bookings.is_deleted AND bookings.status = 'confirmed' AND bookings.checkout_date <= CAST(run_parameters.as_of + INTERVAL '1 DAY' AS DATE) UNION ALL SELECT 'version' AS kind, booking_id, valid_from, NULLIF(booking_id, booking_id) AS listing_id, checkin_date, checkout_date, reporting_total_price FROM ops.stage_0a1b2c3d_0 AS confirmed_versions), months_of_stays /* A stay of a year touches thirteen months at most. The calendar may begin after a stay. Nights are numbered */ /* from 0. */ AS (SELECT stays.kind, stays.booking_id, stays.valid_from, stays.listing_id, stays.cents_each, stays.cents_over, months.month_start, DATEDIFF(DAY, stays.checkin_date, GREATEST(stays.checkin_date, months.month_start)) AS first_night, DATEDIFF(DAY, stays.checkin_date, LEAST(stays.end_date, months.next_month_start)) AS next_night FROM ops.stage_0a1b2c3d_2 AS stays LEFT JOIN ops.stage_0a1b2c3d_1 AS first_months ON CAST(DATE_TRUNC('MONTH', stays.checkin_date) AS DATE) = first_months.month_start INNER JOIN ops.stage_0a1b2c3d_1 AS later_months ON later_months.month_number <= 13 INNER JOIN ops.stage_0a1b2c3d_1 AS months ON COALESCE(first_months.month_number, 1) + later_months.month_number - 1 = months.month_number WHERE stays.checkin_date < months.next_month_start AND stays.end_date > months.month_start) SELECT stays.kind, stays.booking_id, stays.valid_from, months.month_start, stays.listing_id, DATEDIFF(DAY, stays.checkin_date, stays.checkout_date) AS nights, stays.reporting_total_price AS revenue FROM whole_stays AS stays INNER JOIN ops.stage_0a1b2c3d_1 AS months ON CAST(DATE_TRUNC('MONTH', stays.checkin_date) AS DATE) = months.month_start WHERE stays.checkout_date <= months.next_month_start UNION ALL SELECT kind, booking_id, valid_from, month_start, listing_id, next_night - first_night AS nights, CAST(ROUND(CAST(ROUND(cents_each * (next_night - first_night) + LEAST(next_night, cents_over) - LEAST(first_night, cents_over), 0) AS DECIMAL(20, 0)) * 0.01, 2) AS DECIMAL(18, 2)) AS revenue FROM months_of_stays) AS result
;

SELECT SUM(CASE WHEN "booking_id" IS NULL THEN 1 ELSE 0 END) AS "booking_id_not_null", SUM(CASE WHEN "valid_from" IS NULL THEN 1 ELSE 0 END) AS "valid_from_not_null", SUM(CASE WHEN "checkin_date" IS NULL THEN 1 ELSE 0 END) AS "checkin_date_not_null", SUM(CASE WHEN "checkout_date" IS NULL THEN 1 ELSE 0 END) AS "checkout_date_not_null", SUM(CASE WHEN "reporting_total_price" IS NULL THEN 1 ELSE 0 END) AS "reporting_total_price_not_null", SUM(CASE WHEN "start_date" IS NULL THEN 1 ELSE 0 END) AS "start_date_not_null", SUM(CASE WHEN start_date >= end_date THEN 1 ELSE 0 END) AS "version_has_a_day", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "booking_id", "valid_from" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "booking_id" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "booking_id_not_null", CAST(MIN(CASE WHEN "valid_from" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "valid_from_not_null", CAST(MIN(CASE WHEN "checkin_date" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "checkin_date_not_null", CAST(MIN(CASE WHEN "checkout_date" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "checkout_date_not_null", CAST(MIN(CASE WHEN "reporting_total_price" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "reporting_total_price_not_null", CAST(MIN(CASE WHEN "start_date" IS NULL THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "start_date_not_null", CAST(MIN(CASE WHEN start_date >= end_date THEN COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "version_has_a_day", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "booking_id", "valid_from" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT SUM(CASE WHEN "month_start" IS NULL THEN 1 ELSE 0 END) AS "month_start_not_null", SUM(CASE WHEN "next_month_start" IS NULL THEN 1 ELSE 0 END) AS "next_month_start_not_null", SUM(CASE WHEN "month_number" IS NULL THEN 1 ELSE 0 END) AS "month_number_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
;

SELECT CAST(MIN(CASE WHEN "month_start" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "month_start_not_null", CAST(MIN(CASE WHEN "next_month_start" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "next_month_start_not_null", CAST(MIN(CASE WHEN "month_number" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "month_number_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
;

SELECT SUM(CASE WHEN "kind" IS NULL THEN 1 ELSE 0 END) AS "kind_not_null", SUM(CASE WHEN "booking_id" IS NULL THEN 1 ELSE 0 END) AS "booking_id_not_null", SUM(CASE WHEN "valid_from" IS NULL THEN 1 ELSE 0 END) AS "valid_from_not_null", SUM(CASE WHEN "checkin_date" IS NULL THEN 1 ELSE 0 END) AS "checkin_date_not_null", SUM(CASE WHEN "end_date" IS NULL THEN 1 ELSE 0 END) AS "end_date_not_null", SUM(CASE WHEN "cents_each" IS NULL THEN 1 ELSE 0 END) AS "cents_each_not_null", SUM(CASE WHEN "cents_over" IS NULL THEN 1 ELSE 0 END) AS "cents_over_not_null", SUM(CASE WHEN cents_each < 0 OR cents_over < 0 THEN 1 ELSE 0 END) AS "cents_not_negative", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_2" GROUP BY "kind", "booking_id", "valid_from" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_2"
;

SELECT CAST(MIN(CASE WHEN "kind" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "kind_not_null", CAST(MIN(CASE WHEN "booking_id" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "booking_id_not_null", CAST(MIN(CASE WHEN "valid_from" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "valid_from_not_null", CAST(MIN(CASE WHEN "checkin_date" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "checkin_date_not_null", CAST(MIN(CASE WHEN "end_date" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "end_date_not_null", CAST(MIN(CASE WHEN "cents_each" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "cents_each_not_null", CAST(MIN(CASE WHEN "cents_over" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "cents_over_not_null", CAST(MIN(CASE WHEN cents_each < 0 OR cents_over < 0 THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "cents_not_negative", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_2" GROUP BY "kind", "booking_id", "valid_from" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_2"
;

SELECT SUM(CASE WHEN "kind" IS NULL THEN 1 ELSE 0 END) AS "kind_not_null", SUM(CASE WHEN "booking_id" IS NULL THEN 1 ELSE 0 END) AS "booking_id_not_null", SUM(CASE WHEN "valid_from" IS NULL THEN 1 ELSE 0 END) AS "valid_from_not_null", SUM(CASE WHEN "month_start" IS NULL THEN 1 ELSE 0 END) AS "month_start_not_null", SUM(CASE WHEN "nights" IS NULL THEN 1 ELSE 0 END) AS "nights_not_null", SUM(CASE WHEN "revenue" IS NULL THEN 1 ELSE 0 END) AS "revenue_not_null", SUM(CASE WHEN "nights" <= 0 THEN 1 ELSE 0 END) AS "nights_positive", SUM(CASE WHEN "revenue" < 0 THEN 1 ELSE 0 END) AS "revenue_not_negative", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_3" GROUP BY "kind", "booking_id", "valid_from", "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_3"
;

SELECT CAST(MIN(CASE WHEN "kind" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "kind_not_null", CAST(MIN(CASE WHEN "booking_id" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "booking_id_not_null", CAST(MIN(CASE WHEN "valid_from" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "valid_from_not_null", CAST(MIN(CASE WHEN "month_start" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "month_start_not_null", CAST(MIN(CASE WHEN "nights" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "nights_not_null", CAST(MIN(CASE WHEN "revenue" IS NULL THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "revenue_not_null", CAST(MIN(CASE WHEN "nights" <= 0 THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "nights_positive", CAST(MIN(CASE WHEN "revenue" < 0 THEN COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "revenue_not_negative", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("booking_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("valid_from" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_3" GROUP BY "kind", "booking_id", "valid_from", "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_3"
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

CREATE TABLE "intermediate"."months" (
    "month_start" DATE NOT NULL,
    "next_month_start" DATE NOT NULL,
    "month_number" BIGINT NOT NULL,
    PRIMARY KEY ("month_start")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("month_start")
;

INSERT INTO "intermediate"."months" ("month_start", "next_month_start", "month_number") SELECT "month_start", "next_month_start", "month_number" FROM "ops"."stage_0a1b2c3d_1"
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

INSERT INTO "intermediate"."stay_prices" ("kind", "booking_id", "valid_from", "listing_id", "checkin_date", "end_date", "cents_each", "cents_over") SELECT "kind", "booking_id", "valid_from", "listing_id", "checkin_date", "end_date", "cents_each", "cents_over" FROM "ops"."stage_0a1b2c3d_2"
;

CREATE TABLE "intermediate"."stay_months" (
    "kind" VARCHAR(16) NOT NULL,
    "booking_id" BIGINT NOT NULL,
    "valid_from" TIMESTAMP NOT NULL,
    "month_start" DATE NOT NULL,
    "listing_id" BIGINT,
    "nights" BIGINT NOT NULL,
    "revenue" DECIMAL(18,2) NOT NULL,
    PRIMARY KEY ("kind", "booking_id", "valid_from", "month_start")
)
DISTSTYLE KEY DISTKEY ("listing_id")
COMPOUND SORTKEY ("month_start")
;

INSERT INTO "intermediate"."stay_months" ("kind", "booking_id", "valid_from", "month_start", "listing_id", "nights", "revenue") SELECT "kind", "booking_id", "valid_from", "month_start", "listing_id", "nights", "revenue" FROM "ops"."stage_0a1b2c3d_3"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_2"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_3"
;

DROP TABLE "intermediate"."stay_months"
;

DELETE FROM "intermediate"."stay_months"
;

COMMENT ON TABLE "intermediate"."stay_months" IS 'Nights and revenue by month of each confirmed booking. A stay covers the nights from its check-in date to the day before its check-out date. Its price in the reporting currency is spread evenly over them; cents that do not divide go to the first nights, one each. Kind ''now'' has bookings as they are, with nights up to and including the last day the numbers include; kind ''version'' has what each version of a booking said, future nights too, for stays that were not long over when the first run read them. Nights before the calendar are left out, and months that begin more than 366 days after that last day.'
;

COMMENT ON COLUMN "intermediate"."stay_months"."kind" IS 'now, or version'
;

COMMENT ON COLUMN "intermediate"."stay_months"."booking_id" IS 'Booking'
;

COMMENT ON COLUMN "intermediate"."stay_months"."valid_from" IS 'Start of the version in UTC; for kind now, when it was booked'
;

COMMENT ON COLUMN "intermediate"."stay_months"."month_start" IS 'First day of the month'
;

COMMENT ON COLUMN "intermediate"."stay_months"."listing_id" IS 'Listing; NULL for kind version'
;

COMMENT ON COLUMN "intermediate"."stay_months"."nights" IS 'Nights of the stay in the month'
;

COMMENT ON COLUMN "intermediate"."stay_months"."revenue" IS 'What these nights bring in the reporting currency'
;

