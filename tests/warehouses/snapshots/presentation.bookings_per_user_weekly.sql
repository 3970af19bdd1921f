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
    "user_id" BIGINT,
    "bookings" BIGINT,
    "canceled_bookings" BIGINT
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("week_start", "user_id", "bookings", "canceled_bookings") SELECT CAST("week_start" AS DATE) AS "week_start", CAST("user_id" AS BIGINT) AS "user_id", CAST("bookings" AS BIGINT) AS "bookings", CAST("canceled_bookings" AS BIGINT) AS "canceled_bookings" FROM (WITH bookings AS (SELECT bookings.user_id, bookings.status, CAST(DATE_TRUNC('WEEK', bookings.booked_at) AS DATE) AS week_start FROM curated.bookings AS bookings CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT bookings.is_deleted AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of), user_bookings AS (SELECT week_start, user_id, SUM(CASE WHEN status IN ('pending', 'confirmed') THEN 1 ELSE 0 END) AS bookings, SUM(CASE WHEN status = 'canceled' THEN 1 ELSE 0 END) AS canceled_bookings FROM bookings GROUP BY week_start, user_id) SELECT week_start, user_id, CAST(bookings AS BIGINT) AS bookings, CAST(canceled_bookings AS BIGINT) AS canceled_bookings FROM user_bookings) AS result ORDER BY "week_start", "user_id"
;

SELECT SUM(CASE WHEN "week_start" IS NULL THEN 1 ELSE 0 END) AS "week_start_not_null", SUM(CASE WHEN "user_id" IS NULL THEN 1 ELSE 0 END) AS "user_id_not_null", SUM(CASE WHEN "bookings" IS NULL THEN 1 ELSE 0 END) AS "bookings_not_null", SUM(CASE WHEN "canceled_bookings" IS NULL THEN 1 ELSE 0 END) AS "canceled_bookings_not_null", SUM(CASE WHEN "bookings" < 0 THEN 1 ELSE 0 END) AS "bookings_not_negative", SUM(CASE WHEN "canceled_bookings" < 0 THEN 1 ELSE 0 END) AS "canceled_bookings_not_negative", SUM(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN 1 ELSE 0 END) AS "week_starts_on_monday", SUM(CASE WHEN bookings + canceled_bookings <= 0 THEN 1 ELSE 0 END) AS "user_has_bookings", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "week_start", "user_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "week_start" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "week_start_not_null", CAST(MIN(CASE WHEN "user_id" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "user_id_not_null", CAST(MIN(CASE WHEN "bookings" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "bookings_not_null", CAST(MIN(CASE WHEN "canceled_bookings" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "canceled_bookings_not_null", CAST(MIN(CASE WHEN "bookings" < 0 THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "bookings_not_negative", CAST(MIN(CASE WHEN "canceled_bookings" < 0 THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "canceled_bookings_not_negative", CAST(MIN(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "week_starts_on_monday", CAST(MIN(CASE WHEN bookings + canceled_bookings <= 0 THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "user_has_bookings", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "week_start", "user_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "presentation"."bookings_per_user_weekly" (
    "week_start" DATE NOT NULL,
    "user_id" BIGINT NOT NULL,
    "bookings" BIGINT NOT NULL,
    "canceled_bookings" BIGINT NOT NULL,
    PRIMARY KEY ("week_start", "user_id")
)
DISTSTYLE AUTO
COMPOUND SORTKEY ("week_start", "user_id")
;

INSERT INTO "presentation"."bookings_per_user_weekly" ("week_start", "user_id", "bookings", "canceled_bookings") SELECT "week_start", "user_id", "bookings", "canceled_bookings" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "presentation"."bookings_per_user_weekly"
;

DELETE FROM "presentation"."bookings_per_user_weekly"
;

COMMENT ON TABLE "presentation"."bookings_per_user_weekly" IS 'Bookings a user made in the week (Monday to Sunday, UTC, by the moment of booking), up to and including the last day the numbers include. Pending and confirmed bookings count as bookings; bookings made in the week that have since been canceled are counted apart, in the week they were made. Only users who made a booking of either kind in the week are shown.'
;

COMMENT ON COLUMN "presentation"."bookings_per_user_weekly"."week_start" IS 'Monday the week starts on'
;

COMMENT ON COLUMN "presentation"."bookings_per_user_weekly"."user_id" IS 'User who made the bookings'
;

COMMENT ON COLUMN "presentation"."bookings_per_user_weekly"."bookings" IS 'Pending and confirmed bookings made in the week'
;

COMMENT ON COLUMN "presentation"."bookings_per_user_weekly"."canceled_bookings" IS 'Bookings made in the week and canceled since'
;

SELECT "week_start", CAST(SUM("bookings") AS BIGINT) AS "bookings" FROM "presentation"."bookings_per_user_weekly" GROUP BY "week_start" ORDER BY "week_start"
;

