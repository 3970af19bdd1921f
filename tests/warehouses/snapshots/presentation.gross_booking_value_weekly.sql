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
    "week_start" DATE,
    "bookings" BIGINT,
    "gross_booking_value" DECIMAL(18,2),
    "canceled_bookings" BIGINT,
    "canceled_value" DECIMAL(18,2),
    "net_booking_value" DECIMAL(18,2),
    "average_booking_value" DECIMAL(18,2),
    "currency" VARCHAR(16)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("week_start", "bookings", "gross_booking_value", "canceled_bookings", "canceled_value", "net_booking_value", "average_booking_value", "currency") SELECT CAST("week_start" AS DATE) AS "week_start", CAST("bookings" AS BIGINT) AS "bookings", CAST(ROUND("gross_booking_value", 2) AS DECIMAL(18, 2)) AS "gross_booking_value", CAST("canceled_bookings" AS BIGINT) AS "canceled_bookings", CAST(ROUND("canceled_value", 2) AS DECIMAL(18, 2)) AS "canceled_value", CAST(ROUND("net_booking_value", 2) AS DECIMAL(18, 2)) AS "net_booking_value", CAST(ROUND("average_booking_value", 2) AS DECIMAL(18, 2)) AS "average_booking_value", CAST("currency" AS VARCHAR(MAX)) AS "currency" FROM (WITH "query" AS (WITH bookings AS (SELECT CAST(DATE_TRUNC('WEEK', bookings.booked_at) AS DATE) AS week_start, bookings.reporting_total_price, CASE WHEN bookings.status = 'canceled' THEN 1 ELSE 0 END AS canceled FROM curated.bookings AS bookings CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT bookings.is_deleted AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of), values_of_weeks AS (SELECT week_start, COUNT(*) AS bookings, SUM(reporting_total_price) AS gross, SUM(canceled) AS canceled_bookings, SUM(CASE WHEN canceled = 1 THEN reporting_total_price ELSE 0 END) AS canceled FROM bookings GROUP BY week_start) SELECT weeks.week_start, weeks.bookings, CAST(ROUND(weeks.gross, 2) AS DECIMAL(18, 2)) AS gross_booking_value, CAST(weeks.canceled_bookings AS BIGINT) AS canceled_bookings, CAST(ROUND(weeks.canceled, 2) AS DECIMAL(18, 2)) AS canceled_value, CAST(ROUND(weeks.gross - weeks.canceled, 2) AS DECIMAL(18, 2)) AS net_booking_value, run_parameters.reporting_currency AS currency FROM values_of_weeks AS weeks CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters), dividing AS (SELECT CAST(ROUND(ABS("query"."gross_booking_value") * CAST(200 AS BIGINT), 0) AS BIGINT) + ABS("query"."bookings") AS _dividend_1, NULLIF(ABS("query"."bookings") * CAST(2 AS BIGINT), 0) AS _divisor_1, CASE WHEN ("query"."gross_booking_value" < 0) = ("query"."bookings" < 0) THEN 1 ELSE -1 END AS _sign_1, "query".* FROM "query") SELECT "week_start", "bookings", "gross_booking_value", "canceled_bookings", "canceled_value", "net_booking_value", CAST(ROUND(CAST(ROUND(CAST((_dividend_1 - _dividend_1 % NULLIF((_divisor_1), 0)) AS DOUBLE PRECISION) / _divisor_1) AS BIGINT) * _sign_1 * 0.01, 2) AS DECIMAL(18, 2)) AS "average_booking_value", "currency" FROM dividing) AS result ORDER BY "week_start"
;

SELECT SUM(CASE WHEN "week_start" IS NULL THEN 1 ELSE 0 END) AS "week_start_not_null", SUM(CASE WHEN "bookings" IS NULL THEN 1 ELSE 0 END) AS "bookings_not_null", SUM(CASE WHEN "gross_booking_value" IS NULL THEN 1 ELSE 0 END) AS "gross_booking_value_not_null", SUM(CASE WHEN "canceled_bookings" IS NULL THEN 1 ELSE 0 END) AS "canceled_bookings_not_null", SUM(CASE WHEN "canceled_value" IS NULL THEN 1 ELSE 0 END) AS "canceled_value_not_null", SUM(CASE WHEN "net_booking_value" IS NULL THEN 1 ELSE 0 END) AS "net_booking_value_not_null", SUM(CASE WHEN "average_booking_value" IS NULL THEN 1 ELSE 0 END) AS "average_booking_value_not_null", SUM(CASE WHEN "currency" IS NULL THEN 1 ELSE 0 END) AS "currency_not_null", SUM(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN 1 ELSE 0 END) AS "week_starts_on_monday", SUM(CASE WHEN net_booking_value <> gross_booking_value - canceled_value THEN 1 ELSE 0 END) AS "net_is_gross_less_canceled", SUM(CASE WHEN bookings <= 0 OR canceled_bookings < 0 OR canceled_bookings > bookings THEN 1 ELSE 0 END) AS "canceled_within_bookings", SUM(CASE WHEN canceled_value < 0 OR canceled_value > gross_booking_value THEN 1 ELSE 0 END) AS "canceled_value_within_gross", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "week_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "week_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "week_start" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "week_start_not_null", CAST(MIN(CASE WHEN "bookings" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "bookings_not_null", CAST(MIN(CASE WHEN "gross_booking_value" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "gross_booking_value_not_null", CAST(MIN(CASE WHEN "canceled_bookings" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "canceled_bookings_not_null", CAST(MIN(CASE WHEN "canceled_value" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "canceled_value_not_null", CAST(MIN(CASE WHEN "net_booking_value" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "net_booking_value_not_null", CAST(MIN(CASE WHEN "average_booking_value" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "average_booking_value_not_null", CAST(MIN(CASE WHEN "currency" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "currency_not_null", CAST(MIN(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN "week_start" END) AS VARCHAR(MAX)) AS "week_starts_on_monday", CAST(MIN(CASE WHEN net_booking_value <> gross_booking_value - canceled_value THEN "week_start" END) AS VARCHAR(MAX)) AS "net_is_gross_less_canceled", CAST(MIN(CASE WHEN bookings <= 0 OR canceled_bookings < 0 OR canceled_bookings > bookings THEN "week_start" END) AS VARCHAR(MAX)) AS "canceled_within_bookings", CAST(MIN(CASE WHEN canceled_value < 0 OR canceled_value > gross_booking_value THEN "week_start" END) AS VARCHAR(MAX)) AS "canceled_value_within_gross", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "week_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "week_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "presentation"."gross_booking_value_weekly" (
    "week_start" DATE NOT NULL,
    "bookings" BIGINT NOT NULL,
    "gross_booking_value" DECIMAL(18,2) NOT NULL,
    "canceled_bookings" BIGINT NOT NULL,
    "canceled_value" DECIMAL(18,2) NOT NULL,
    "net_booking_value" DECIMAL(18,2) NOT NULL,
    "average_booking_value" DECIMAL(18,2) NOT NULL,
    "currency" VARCHAR(16) NOT NULL,
    PRIMARY KEY ("week_start")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("week_start")
;

INSERT INTO "presentation"."gross_booking_value_weekly" ("week_start", "bookings", "gross_booking_value", "canceled_bookings", "canceled_value", "net_booking_value", "average_booking_value", "currency") SELECT "week_start", "bookings", "gross_booking_value", "canceled_bookings", "canceled_value", "net_booking_value", "average_booking_value", "currency" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "presentation"."gross_booking_value_weekly"
;

DELETE FROM "presentation"."gross_booking_value_weekly"
;

COMMENT ON TABLE "presentation"."gross_booking_value_weekly" IS 'Price in the reporting currency of all bookings made in the week (UTC), whatever became of them: pending, confirmed and canceled ones. Canceled value is that of those which are canceled by now, so a week''s net value may still fall. Net booking value is gross less canceled value. The average booking value is gross value divided by bookings, rounded to the cent, half a cent up. Bookings made after the last day the numbers include do not count; weeks without a booking are not shown.'
;

COMMENT ON COLUMN "presentation"."gross_booking_value_weekly"."week_start" IS 'Monday of the week the bookings were made in'
;

COMMENT ON COLUMN "presentation"."gross_booking_value_weekly"."bookings" IS 'Bookings made'
;

COMMENT ON COLUMN "presentation"."gross_booking_value_weekly"."gross_booking_value" IS 'Their value in the reporting currency'
;

COMMENT ON COLUMN "presentation"."gross_booking_value_weekly"."canceled_bookings" IS 'Of these bookings those that are canceled by now'
;

COMMENT ON COLUMN "presentation"."gross_booking_value_weekly"."canceled_value" IS 'Value of those that are canceled by now'
;

COMMENT ON COLUMN "presentation"."gross_booking_value_weekly"."net_booking_value" IS 'Gross less canceled value'
;

COMMENT ON COLUMN "presentation"."gross_booking_value_weekly"."average_booking_value" IS 'Gross value per booking'
;

COMMENT ON COLUMN "presentation"."gross_booking_value_weekly"."currency" IS 'ISO 4217 code of the reporting currency'
;

SELECT "week_start", "net_booking_value" FROM "presentation"."gross_booking_value_weekly" ORDER BY "week_start"
;

