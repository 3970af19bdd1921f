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
    "bookings" BIGINT,
    "lead_days" BIGINT,
    "average_lead_days" DECIMAL(10,2),
    "median_lead_days" DECIMAL(10,1),
    "days_0_to_1" BIGINT,
    "days_2_to_7" BIGINT,
    "days_8_to_14" BIGINT,
    "days_15_to_30" BIGINT,
    "days_31_to_60" BIGINT,
    "days_61_to_90" BIGINT,
    "days_91_and_more" BIGINT,
    "booked_after_checkin" BIGINT
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("month_start", "bookings", "lead_days", "average_lead_days", "median_lead_days", "days_0_to_1", "days_2_to_7", "days_8_to_14", "days_15_to_30", "days_31_to_60", "days_61_to_90", "days_91_and_more", "booked_after_checkin") SELECT CAST("month_start" AS DATE) AS "month_start", CAST("bookings" AS BIGINT) AS "bookings", CAST("lead_days" AS BIGINT) AS "lead_days", CAST(ROUND("average_lead_days", 2) AS DECIMAL(10, 2)) AS "average_lead_days", CAST(ROUND("median_lead_days", 1) AS DECIMAL(10, 1)) AS "median_lead_days", CAST("days_0_to_1" AS BIGINT) AS "days_0_to_1", CAST("days_2_to_7" AS BIGINT) AS "days_2_to_7", CAST("days_8_to_14" AS BIGINT) AS "days_8_to_14", CAST("days_15_to_30" AS BIGINT) AS "days_15_to_30", CAST("days_31_to_60" AS BIGINT) AS "days_31_to_60", CAST("days_61_to_90" AS BIGINT) AS "days_61_to_90", CAST("days_91_and_more" AS BIGINT) AS "days_91_and_more", CAST("booked_after_checkin" AS BIGINT) AS "booked_after_checkin" FROM (WITH "query" AS (WITH lead_times AS (SELECT CAST(DATE_TRUNC('MONTH', bookings.booked_at) AS DATE) AS month_start, bookings.lead_days, CASE WHEN bookings.lead_days >= 0 THEN 1 ELSE 0 END AS counted, COUNT(*) AS bookings FROM curated.bookings AS bookings CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT bookings.is_deleted AND bookings.status IN ('pending', 'confirmed') AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of GROUP BY CAST(DATE_TRUNC('MONTH', bookings.booked_at) AS DATE), bookings.lead_days), ranked /* How many of the month's bookings have at most this lead time. */ AS (SELECT month_start, lead_days, counted, bookings, SUM(bookings) OVER (PARTITION BY month_start, counted ORDER BY lead_days ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS bookings_up_to, SUM(bookings) OVER (PARTITION BY month_start, counted) AS month_bookings FROM lead_times), middled /* Of the two bookings in the middle, which are one where their number is odd, each has one lead time. */ AS (SELECT month_start, lead_days, counted, bookings, CASE WHEN counted = 1 AND 2 * (bookings_up_to - bookings) < month_bookings AND month_bookings <= 2 * bookings_up_to THEN lead_days END AS lower_middle_days, CASE WHEN counted = 1 AND 2 * (bookings_up_to - bookings) <= month_bookings AND month_bookings < 2 * bookings_up_to THEN lead_days END AS upper_middle_days FROM ranked) SELECT month_start, CAST(SUM(counted * bookings) AS BIGINT) AS bookings, CAST(SUM(counted * bookings * lead_days) AS BIGINT) AS lead_days, CAST(SUM(lower_middle_days) + SUM(upper_middle_days) AS BIGINT) AS _middle_days, 2 AS _middle_bookings, CAST(SUM(CASE WHEN lead_days BETWEEN 0 AND 1 THEN bookings ELSE 0 END) AS BIGINT) AS days_0_to_1, CAST(SUM(CASE WHEN lead_days BETWEEN 2 AND 7 THEN bookings ELSE 0 END) AS BIGINT) AS days_2_to_7, CAST(SUM(CASE WHEN lead_days BETWEEN 8 AND 14 THEN bookings ELSE 0 END) AS BIGINT) AS days_8_to_14, CAST(SUM(CASE WHEN lead_days BETWEEN 15 AND 30 THEN bookings ELSE 0 END) AS BIGINT) AS days_15_to_30, CAST(SUM(CASE WHEN lead_days BETWEEN 31 AND 60 THEN bookings ELSE 0 END) AS BIGINT) AS days_31_to_60, CAST(SUM(CASE WHEN lead_days BETWEEN 61 AND 90 THEN bookings ELSE 0 END) AS BIGINT) AS days_61_to_90, CAST(SUM(CASE WHEN lead_days >= 91 THEN bookings ELSE 0 END) AS BIGINT) AS days_91_and_more, CAST(SUM((1 - counted) * bookings) AS BIGINT) AS booked_after_checkin FROM middled GROUP BY month_start), dividing AS (SELECT CAST(ROUND(ABS("query"."lead_days") * CAST(200 AS BIGINT), 0) AS BIGINT) + ABS("query"."bookings") AS _dividend_1, NULLIF(ABS("query"."bookings") * CAST(2 AS BIGINT), 0) AS _divisor_1, CASE WHEN ("query"."lead_days" < 0) = ("query"."bookings" < 0) THEN 1 ELSE -1 END AS _sign_1, CAST(ROUND(ABS("query"."_middle_days") * CAST(20 AS BIGINT), 0) AS BIGINT) + ABS("query"."_middle_bookings") AS _dividend_2, NULLIF(ABS("query"."_middle_bookings") * CAST(2 AS BIGINT), 0) AS _divisor_2, CASE WHEN ("query"."_middle_days" < 0) = ("query"."_middle_bookings" < 0) THEN 1 ELSE -1 END AS _sign_2, "query".* FROM "query") SELECT "month_start", "bookings", "lead_days", CAST(ROUND(CAST(ROUND(CAST((_dividend_1 - _dividend_1 % NULLIF((_divisor_1), 0)) AS DOUBLE PRECISION) / _divisor_1) AS BIGINT) * _sign_1 * 0.01, 2) AS DECIMAL(10, 2)) AS "average_lead_days", CAST(ROUND(CAST(ROUND(CAST((_dividend_2 - _dividend_2 % NULLIF((_divisor_2), 0)) AS DOUBLE PRECISION) / _divisor_2) AS BIGINT) * _sign_2 * 0.1, 1) AS DECIMAL(10, 1)) AS "median_lead_days", "days_0_to_1", "days_2_to_7", "days_8_to_14", "days_15_to_30", "days_31_to_60", "days_61_to_90", "days_91_and_more", "booked_after_checkin" FROM dividing) AS result ORDER BY "month_start"
;

SELECT SUM(CASE WHEN "month_start" IS NULL THEN 1 ELSE 0 END) AS "month_start_not_null", SUM(CASE WHEN "bookings" IS NULL THEN 1 ELSE 0 END) AS "bookings_not_null", SUM(CASE WHEN "lead_days" IS NULL THEN 1 ELSE 0 END) AS "lead_days_not_null", SUM(CASE WHEN "days_0_to_1" IS NULL THEN 1 ELSE 0 END) AS "days_0_to_1_not_null", SUM(CASE WHEN "days_2_to_7" IS NULL THEN 1 ELSE 0 END) AS "days_2_to_7_not_null", SUM(CASE WHEN "days_8_to_14" IS NULL THEN 1 ELSE 0 END) AS "days_8_to_14_not_null", SUM(CASE WHEN "days_15_to_30" IS NULL THEN 1 ELSE 0 END) AS "days_15_to_30_not_null", SUM(CASE WHEN "days_31_to_60" IS NULL THEN 1 ELSE 0 END) AS "days_31_to_60_not_null", SUM(CASE WHEN "days_61_to_90" IS NULL THEN 1 ELSE 0 END) AS "days_61_to_90_not_null", SUM(CASE WHEN "days_91_and_more" IS NULL THEN 1 ELSE 0 END) AS "days_91_and_more_not_null", SUM(CASE WHEN "booked_after_checkin" IS NULL THEN 1 ELSE 0 END) AS "booked_after_checkin_not_null", SUM(CASE WHEN month_start <> CAST(DATE_TRUNC('MONTH', month_start) AS DATE) THEN 1 ELSE 0 END) AS "month_starts_on_first", SUM(CASE WHEN bookings <> days_0_to_1 + days_2_to_7 + days_8_to_14 + days_15_to_30 + days_31_to_60 + days_61_to_90 + days_91_and_more THEN 1 ELSE 0 END) AS "ranges_add_up", SUM(CASE WHEN lead_days < 0 OR median_lead_days < 0 THEN 1 ELSE 0 END) AS "lead_days_not_negative", SUM(CASE WHEN (median_lead_days IS NULL) <> (bookings = 0) THEN 1 ELSE 0 END) AS "median_only_with_bookings", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "month_start" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "month_start_not_null", CAST(MIN(CASE WHEN "bookings" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "bookings_not_null", CAST(MIN(CASE WHEN "lead_days" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "lead_days_not_null", CAST(MIN(CASE WHEN "days_0_to_1" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "days_0_to_1_not_null", CAST(MIN(CASE WHEN "days_2_to_7" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "days_2_to_7_not_null", CAST(MIN(CASE WHEN "days_8_to_14" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "days_8_to_14_not_null", CAST(MIN(CASE WHEN "days_15_to_30" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "days_15_to_30_not_null", CAST(MIN(CASE WHEN "days_31_to_60" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "days_31_to_60_not_null", CAST(MIN(CASE WHEN "days_61_to_90" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "days_61_to_90_not_null", CAST(MIN(CASE WHEN "days_91_and_more" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "days_91_and_more_not_null", CAST(MIN(CASE WHEN "booked_after_checkin" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "booked_after_checkin_not_null", CAST(MIN(CASE WHEN month_start <> CAST(DATE_TRUNC('MONTH', month_start) AS DATE) THEN "month_start" END) AS VARCHAR(MAX)) AS "month_starts_on_first", CAST(MIN(CASE WHEN bookings <> days_0_to_1 + days_2_to_7 + days_8_to_14 + days_15_to_30 + days_31_to_60 + days_61_to_90 + days_91_and_more THEN "month_start" END) AS VARCHAR(MAX)) AS "ranges_add_up", CAST(MIN(CASE WHEN lead_days < 0 OR median_lead_days < 0 THEN "month_start" END) AS VARCHAR(MAX)) AS "lead_days_not_negative", CAST(MIN(CASE WHEN (median_lead_days IS NULL) <> (bookings = 0) THEN "month_start" END) AS VARCHAR(MAX)) AS "median_only_with_bookings", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "presentation"."booking_lead_time_monthly" (
    "month_start" DATE NOT NULL,
    "bookings" BIGINT NOT NULL,
    "lead_days" BIGINT NOT NULL,
    "average_lead_days" DECIMAL(10,2),
    "median_lead_days" DECIMAL(10,1),
    "days_0_to_1" BIGINT NOT NULL,
    "days_2_to_7" BIGINT NOT NULL,
    "days_8_to_14" BIGINT NOT NULL,
    "days_15_to_30" BIGINT NOT NULL,
    "days_31_to_60" BIGINT NOT NULL,
    "days_61_to_90" BIGINT NOT NULL,
    "days_91_and_more" BIGINT NOT NULL,
    "booked_after_checkin" BIGINT NOT NULL,
    PRIMARY KEY ("month_start")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("month_start")
;

INSERT INTO "presentation"."booking_lead_time_monthly" ("month_start", "bookings", "lead_days", "average_lead_days", "median_lead_days", "days_0_to_1", "days_2_to_7", "days_8_to_14", "days_15_to_30", "days_31_to_60", "days_61_to_90", "days_91_and_more", "booked_after_checkin") SELECT "month_start", "bookings", "lead_days", "average_lead_days", "median_lead_days", "days_0_to_1", "days_2_to_7", "days_8_to_14", "days_15_to_30", "days_31_to_60", "days_61_to_90", "days_91_and_more", "booked_after_checkin" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "presentation"."booking_lead_time_monthly"
;

DELETE FROM "presentation"."booking_lead_time_monthly"
;

COMMENT ON TABLE "presentation"."booking_lead_time_monthly" IS 'Days from the day of the booking (UTC) to the check-in date of kept bookings, pending or confirmed, by the month in which they were made: their average, rounded to two decimals, half up, their exact median, the mean of the two in the middle where their number is even, and how many lie in each range of days. Bookings made after check-in are left out and counted apart. Bookings made after the last day the numbers include do not count; months without a kept booking are not shown.'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."month_start" IS 'First day of the month the bookings were made in'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."bookings" IS 'Kept bookings made by the day of check-in'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."lead_days" IS 'Days from booking to check-in of all of them'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."average_lead_days" IS 'Average days from booking to check-in'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."median_lead_days" IS 'Median days from booking to check-in'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."days_0_to_1" IS 'Bookings made on the day of check-in or the day before'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."days_2_to_7" IS 'Bookings made 2 to 7 days before check-in'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."days_8_to_14" IS 'Bookings made 8 to 14 days before check-in'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."days_15_to_30" IS 'Bookings made 15 to 30 days before check-in'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."days_31_to_60" IS 'Bookings made 31 to 60 days before check-in'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."days_61_to_90" IS 'Bookings made 61 to 90 days before check-in'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."days_91_and_more" IS 'Bookings made 91 days or more before check-in'
;

COMMENT ON COLUMN "presentation"."booking_lead_time_monthly"."booked_after_checkin" IS 'Kept bookings made after check-in that count nowhere else here'
;

SELECT "month_start", "median_lead_days" FROM "presentation"."booking_lead_time_monthly" ORDER BY "month_start"
;

