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
    "listing_id" BIGINT,
    "start_week" DATE,
    "end_week" DATE,
    "reporting_price" DECIMAL(18,2)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("listing_id", "start_week", "end_week", "reporting_price") SELECT CAST("listing_id" AS BIGINT) AS "listing_id", CAST("start_week" AS DATE) AS "start_week", CAST("end_week" AS DATE) AS "end_week", CAST(ROUND("reporting_price", 2) AS DECIMAL(18, 2)) AS "reporting_price" FROM (WITH first_week AS (SELECT MIN(week_start) AS week_start, MIN(calendar_date) AS first_date FROM curated.calendar), listing_versions /* A version from before the calendar takes effect in its first week. */ AS (SELECT versions.listing_id, versions.valid_from, versions.reporting_price, versions.is_active, GREATEST(CAST(DATE_TRUNC('WEEK', versions.valid_from) AS DATE), first_week.week_start) AS week_start FROM curated.listing_versions AS versions CROSS JOIN first_week CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE CAST(versions.valid_from AS DATE) <= run_parameters.as_of AND first_week.first_date <= run_parameters.as_of), version_periods /* In force at the end of the weeks from start_week to the one before end_week: none if both are the same. */ AS (SELECT listing_id, reporting_price, is_active, week_start AS start_week, LEAD(week_start) OVER (PARTITION BY listing_id ORDER BY valid_from) AS end_week FROM listing_versions) SELECT listing_id, start_week, end_week, reporting_price FROM version_periods WHERE is_active AND (end_week IS NULL OR start_week < end_week)) AS result
;

SELECT SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "start_week" IS NULL THEN 1 ELSE 0 END) AS "start_week_not_null", SUM(CASE WHEN start_week >= end_week THEN 1 ELSE 0 END) AS "period_has_a_week", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id", "start_week" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "listing_id" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "start_week" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "start_week_not_null", CAST(MIN(CASE WHEN start_week >= end_week THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "period_has_a_week", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id", "start_week" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "intermediate"."active_listing_weeks" (
    "listing_id" BIGINT NOT NULL,
    "start_week" DATE NOT NULL,
    "end_week" DATE,
    "reporting_price" DECIMAL(18,2),
    PRIMARY KEY ("listing_id", "start_week")
)
DISTSTYLE KEY DISTKEY ("listing_id")
COMPOUND SORTKEY ("listing_id", "start_week")
;

INSERT INTO "intermediate"."active_listing_weeks" ("listing_id", "start_week", "end_week", "reporting_price") SELECT "listing_id", "start_week", "end_week", "reporting_price" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "intermediate"."active_listing_weeks"
;

DELETE FROM "intermediate"."active_listing_weeks"
;

COMMENT ON TABLE "intermediate"."active_listing_weeks" IS 'Weeks of one listing at one price at whose end, Sunday midnight (UTC) or the end of the last day the numbers include, the listing was active: from start_week to the week before end_week, which is empty where the listing is active still. Periods of a listing never overlap; they touch where only the price changed. Weeks before the calendar are left out.'
;

COMMENT ON COLUMN "intermediate"."active_listing_weeks"."listing_id" IS 'Listing'
;

COMMENT ON COLUMN "intermediate"."active_listing_weeks"."start_week" IS 'Monday of the first week'
;

COMMENT ON COLUMN "intermediate"."active_listing_weeks"."end_week" IS 'Monday of the week after the last one; NULL where the listing is active still'
;

COMMENT ON COLUMN "intermediate"."active_listing_weeks"."reporting_price" IS 'Asking price in the reporting currency'
;

