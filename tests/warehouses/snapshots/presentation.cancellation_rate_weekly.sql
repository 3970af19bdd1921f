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
    "canceled_bookings" BIGINT,
    "cancellation_rate" DECIMAL(9,6)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("week_start", "bookings", "canceled_bookings", "cancellation_rate") SELECT CAST("week_start" AS DATE) AS "week_start", CAST("bookings" AS BIGINT) AS "bookings", CAST("canceled_bookings" AS BIGINT) AS "canceled_bookings", CAST(ROUND("cancellation_rate", 6) AS DECIMAL(9, 6)) AS "cancellation_rate" FROM (WITH "query" AS (WITH bookings AS (SELECT bookings.booking_id, CAST(DATE_TRUNC('WEEK', bookings.booked_at) AS DATE) AS week_start FROM curated.bookings AS bookings CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT bookings.is_deleted AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of), canceled_bookings /* Those whose last known version says so. */ AS (SELECT versions.booking_id FROM curated.booking_versions AS versions CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE CAST(versions.valid_from AS DATE) <= run_parameters.as_of GROUP BY versions.booking_id HAVING MAX(CASE WHEN versions.status = 'canceled' THEN versions.valid_from END) = MAX(versions.valid_from)) SELECT bookings.week_start, COUNT(*) AS bookings, COUNT(canceled_bookings.booking_id) AS canceled_bookings FROM bookings LEFT JOIN canceled_bookings ON bookings.booking_id = canceled_bookings.booking_id GROUP BY bookings.week_start), dividing AS (SELECT CAST(ROUND(ABS("query"."canceled_bookings") * CAST(2000000 AS BIGINT), 0) AS BIGINT) + ABS("query"."bookings") AS _dividend_1, NULLIF(ABS("query"."bookings") * CAST(2 AS BIGINT), 0) AS _divisor_1, CASE WHEN ("query"."canceled_bookings" < 0) = ("query"."bookings" < 0) THEN 1 ELSE -1 END AS _sign_1, "query".* FROM "query") SELECT "week_start", "bookings", "canceled_bookings", CAST(ROUND(CAST(ROUND(CAST((_dividend_1 - _dividend_1 % NULLIF((_divisor_1), 0)) AS DOUBLE PRECISION) / _divisor_1) AS BIGINT) * _sign_1 * 0.000001, 6) AS DECIMAL(9, 6)) AS "cancellation_rate" FROM dividing) AS result ORDER BY "week_start"
;

SELECT SUM(CASE WHEN "week_start" IS NULL THEN 1 ELSE 0 END) AS "week_start_not_null", SUM(CASE WHEN "bookings" IS NULL THEN 1 ELSE 0 END) AS "bookings_not_null", SUM(CASE WHEN "canceled_bookings" IS NULL THEN 1 ELSE 0 END) AS "canceled_bookings_not_null", SUM(CASE WHEN "cancellation_rate" IS NULL THEN 1 ELSE 0 END) AS "cancellation_rate_not_null", SUM(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN 1 ELSE 0 END) AS "week_starts_on_monday", SUM(CASE WHEN bookings <= 0 OR canceled_bookings < 0 OR canceled_bookings > bookings THEN 1 ELSE 0 END) AS "canceled_within_bookings", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "week_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "week_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "week_start" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "week_start_not_null", CAST(MIN(CASE WHEN "bookings" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "bookings_not_null", CAST(MIN(CASE WHEN "canceled_bookings" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "canceled_bookings_not_null", CAST(MIN(CASE WHEN "cancellation_rate" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "cancellation_rate_not_null", CAST(MIN(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN "week_start" END) AS VARCHAR(MAX)) AS "week_starts_on_monday", CAST(MIN(CASE WHEN bookings <= 0 OR canceled_bookings < 0 OR canceled_bookings > bookings THEN "week_start" END) AS VARCHAR(MAX)) AS "canceled_within_bookings", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "week_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "week_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "presentation"."cancellation_rate_weekly" (
    "week_start" DATE NOT NULL,
    "bookings" BIGINT NOT NULL,
    "canceled_bookings" BIGINT NOT NULL,
    "cancellation_rate" DECIMAL(9,6) NOT NULL,
    PRIMARY KEY ("week_start")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("week_start")
;

INSERT INTO "presentation"."cancellation_rate_weekly" ("week_start", "bookings", "canceled_bookings", "cancellation_rate") SELECT "week_start", "bookings", "canceled_bookings", "cancellation_rate" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "presentation"."cancellation_rate_weekly"
;

DELETE FROM "presentation"."cancellation_rate_weekly"
;

COMMENT ON TABLE "presentation"."cancellation_rate_weekly" IS 'Canceled bookings divided by all bookings made in the week (UTC), as known at the end of the last day the numbers include: a booking counts as canceled if its version in force by then says so. The week is that of the booking, not that of its cancellation, so that the rate of recent weeks may still rise. Bookings made after that day do not count; weeks without a booking are not shown. The rate is rounded to six decimals, half up.'
;

COMMENT ON COLUMN "presentation"."cancellation_rate_weekly"."week_start" IS 'Monday of the week the bookings were made in'
;

COMMENT ON COLUMN "presentation"."cancellation_rate_weekly"."bookings" IS 'Bookings made'
;

COMMENT ON COLUMN "presentation"."cancellation_rate_weekly"."canceled_bookings" IS 'Of these bookings those that were canceled'
;

COMMENT ON COLUMN "presentation"."cancellation_rate_weekly"."cancellation_rate" IS 'Canceled bookings divided by bookings'
;

SELECT "week_start", "cancellation_rate" FROM "presentation"."cancellation_rate_weekly" ORDER BY "week_start"
;

