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
    "next_month_start" DATE,
    "month_number" BIGINT
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("month_start", "next_month_start", "month_number") SELECT CAST("month_start" AS DATE) AS "month_start", CAST("next_month_start" AS DATE) AS "next_month_start", CAST("month_number" AS BIGINT) AS "month_number" FROM (SELECT calendar.month_start, CAST(MAX(calendar.calendar_date) + INTERVAL '1 DAY' AS DATE) AS next_month_start, CAST(ROW_NUMBER() OVER (ORDER BY calendar.month_start) AS BIGINT) AS month_number FROM curated.calendar AS calendar CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE calendar.month_start <= CAST(run_parameters.as_of + INTERVAL '366 DAY' AS DATE) GROUP BY calendar.month_start) AS result
;

SELECT SUM(CASE WHEN "month_start" IS NULL THEN 1 ELSE 0 END) AS "month_start_not_null", SUM(CASE WHEN "next_month_start" IS NULL THEN 1 ELSE 0 END) AS "next_month_start_not_null", SUM(CASE WHEN "month_number" IS NULL THEN 1 ELSE 0 END) AS "month_number_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "month_start" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "month_start_not_null", CAST(MIN(CASE WHEN "next_month_start" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "next_month_start_not_null", CAST(MIN(CASE WHEN "month_number" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "month_number_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
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

INSERT INTO "intermediate"."months" ("month_start", "next_month_start", "month_number") SELECT "month_start", "next_month_start", "month_number" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "intermediate"."months"
;

DELETE FROM "intermediate"."months"
;

COMMENT ON TABLE "intermediate"."months" IS 'Every month of the calendar that begins up to 366 days after the last day the numbers include, with the first day of the next one, and its number from 1, which grows by one each month.'
;

COMMENT ON COLUMN "intermediate"."months"."month_start" IS 'First day of the month'
;

COMMENT ON COLUMN "intermediate"."months"."next_month_start" IS 'First day of the next month'
;

COMMENT ON COLUMN "intermediate"."months"."month_number" IS 'Its place among the months'
;

