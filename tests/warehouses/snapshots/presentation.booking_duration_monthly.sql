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
    "month_start" DATE,
    "confirmed_bookings" BIGINT,
    "stay_nights" BIGINT,
    "average_stay_nights" DECIMAL(10,2)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("month_start", "confirmed_bookings", "stay_nights", "average_stay_nights") SELECT CAST("month_start" AS DATE) AS "month_start", CAST("confirmed_bookings" AS BIGINT) AS "confirmed_bookings", CAST("stay_nights" AS BIGINT) AS "stay_nights", CAST(ROUND("average_stay_nights", 2) AS DECIMAL(10, 2)) AS "average_stay_nights" FROM (WITH "query" AS (WITH stays AS (SELECT stay_nights, CAST(DATE_TRUNC('MONTH', checkin_date) AS DATE) AS month_start FROM curated.bookings WHERE NOT is_deleted AND status = 'confirmed') SELECT month_start, COUNT(*) AS confirmed_bookings, CAST(SUM(stay_nights) AS BIGINT) AS stay_nights FROM stays GROUP BY month_start), dividing AS (SELECT CAST(ROUND(ABS("query"."stay_nights") * CAST(200 AS BIGINT), 0) AS BIGINT) + ABS("query"."confirmed_bookings") AS _dividend_1, NULLIF(ABS("query"."confirmed_bookings") * CAST(2 AS BIGINT), 0) AS _divisor_1, CASE WHEN ("query"."stay_nights" < 0) = ("query"."confirmed_bookings" < 0) THEN 1 ELSE -1 END AS _sign_1, "query".* FROM "query") SELECT "month_start", "confirmed_bookings", "stay_nights", CAST(ROUND(CAST(ROUND(CAST((_dividend_1 - _dividend_1 % NULLIF((_divisor_1), 0)) AS DOUBLE PRECISION) / _divisor_1) AS BIGINT) * _sign_1 * 0.01, 2) AS DECIMAL(10, 2)) AS "average_stay_nights" FROM dividing) AS result ORDER BY "month_start"
;

SELECT SUM(CASE WHEN "month_start" IS NULL THEN 1 ELSE 0 END) AS "month_start_not_null", SUM(CASE WHEN "confirmed_bookings" IS NULL THEN 1 ELSE 0 END) AS "confirmed_bookings_not_null", SUM(CASE WHEN "stay_nights" IS NULL THEN 1 ELSE 0 END) AS "stay_nights_not_null", SUM(CASE WHEN "average_stay_nights" IS NULL THEN 1 ELSE 0 END) AS "average_stay_nights_not_null", SUM(CASE WHEN "confirmed_bookings" <= 0 THEN 1 ELSE 0 END) AS "confirmed_bookings_positive", SUM(CASE WHEN month_start <> CAST(DATE_TRUNC('MONTH', month_start) AS DATE) THEN 1 ELSE 0 END) AS "month_starts_on_first", SUM(CASE WHEN stay_nights < confirmed_bookings THEN 1 ELSE 0 END) AS "stays_last_a_night", SUM(CASE WHEN stay_nights > 366 * confirmed_bookings THEN 1 ELSE 0 END) AS "stays_last_a_year_at_most", SUM(CASE WHEN ABS(average_stay_nights * confirmed_bookings - stay_nights) > 0.005 * confirmed_bookings THEN 1 ELSE 0 END) AS "average_is_nights_by_bookings", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "month_start" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "month_start_not_null", CAST(MIN(CASE WHEN "confirmed_bookings" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "confirmed_bookings_not_null", CAST(MIN(CASE WHEN "stay_nights" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "stay_nights_not_null", CAST(MIN(CASE WHEN "average_stay_nights" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "average_stay_nights_not_null", CAST(MIN(CASE WHEN "confirmed_bookings" <= 0 THEN "month_start" END) AS VARCHAR(MAX)) AS "confirmed_bookings_positive", CAST(MIN(CASE WHEN month_start <> CAST(DATE_TRUNC('MONTH', month_start) AS DATE) THEN "month_start" END) AS VARCHAR(MAX)) AS "month_starts_on_first", CAST(MIN(CASE WHEN stay_nights < confirmed_bookings THEN "month_start" END) AS VARCHAR(MAX)) AS "stays_last_a_night", CAST(MIN(CASE WHEN stay_nights > 366 * confirmed_bookings THEN "month_start" END) AS VARCHAR(MAX)) AS "stays_last_a_year_at_most", CAST(MIN(CASE WHEN ABS(average_stay_nights * confirmed_bookings - stay_nights) > 0.005 * confirmed_bookings THEN "month_start" END) AS VARCHAR(MAX)) AS "average_is_nights_by_bookings", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "presentation"."booking_duration_monthly" (
    "month_start" DATE NOT NULL,
    "confirmed_bookings" BIGINT NOT NULL,
    "stay_nights" BIGINT NOT NULL,
    "average_stay_nights" DECIMAL(10,2) NOT NULL,
    PRIMARY KEY ("month_start")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("month_start")
;

INSERT INTO "presentation"."booking_duration_monthly" ("month_start", "confirmed_bookings", "stay_nights", "average_stay_nights") SELECT "month_start", "confirmed_bookings", "stay_nights", "average_stay_nights" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "presentation"."booking_duration_monthly"
;

DELETE FROM "presentation"."booking_duration_monthly"
;

COMMENT ON TABLE "presentation"."booking_duration_monthly" IS 'The average number of nights of confirmed bookings, by the month of their check-in date. Stays still to come are included, whenever they were booked; pending and canceled bookings are not. All nights of a stay count in the month of its check-in, also those of the next month. The average is the sum of nights divided by the number of bookings, rounded to two decimals, half up. Only months with a confirmed check-in are shown.'
;

COMMENT ON COLUMN "presentation"."booking_duration_monthly"."month_start" IS 'First day of the month of check-in'
;

COMMENT ON COLUMN "presentation"."booking_duration_monthly"."confirmed_bookings" IS 'Confirmed bookings that check in this month'
;

COMMENT ON COLUMN "presentation"."booking_duration_monthly"."stay_nights" IS 'Nights of those bookings'
;

COMMENT ON COLUMN "presentation"."booking_duration_monthly"."average_stay_nights" IS 'Nights divided by bookings'
;

SELECT "month_start", "average_stay_nights" FROM "presentation"."booking_duration_monthly" ORDER BY "month_start"
;

