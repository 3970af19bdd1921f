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

CREATE TABLE "ops"."stage_0a1b2c3d_1" (
    "listing_id" BIGINT,
    "city" VARCHAR(2048),
    "state" VARCHAR(1024)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_1" ("listing_id", "city", "state") SELECT CAST("listing_id" AS BIGINT) AS "listing_id", CAST("city" AS VARCHAR(MAX)) AS "city", CAST("state" AS VARCHAR(MAX)) AS "state" FROM (SELECT listing_id, CASE WHEN REPLACE(city, ' ', '') <> '' THEN city ELSE 'Unknown' END AS city, state FROM curated.listing_attributes WHERE NOT is_deleted) AS result
;

CREATE TABLE "ops"."stage_0a1b2c3d_2" (
    "city" VARCHAR(2048),
    "state" VARCHAR(1024),
    "week_start" DATE,
    "listing_change" BIGINT,
    "price_change" DECIMAL(20,2)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_2" ("city", "state", "week_start", "listing_change", "price_change") SELECT CAST("city" AS VARCHAR(MAX)) AS "city", CAST("state" AS VARCHAR(MAX)) AS "state", CAST("week_start" AS DATE) AS "week_start", CAST("listing_change" AS BIGINT) AS "listing_change", CAST(ROUND("price_change", 2) AS DECIMAL(20, 2)) AS "price_change" FROM (WITH period_ends AS (SELECT listing_id, start_week AS week_start, 1 AS listing_change, reporting_price AS price_change FROM ops.stage_0a1b2c3d_0 AS active_listing_weeks UNION ALL SELECT listing_id, end_week AS week_start, -1 AS listing_change, -reporting_price AS price_change FROM ops.stage_0a1b2c3d_0 AS active_listing_weeks WHERE NOT end_week IS NULL) SELECT COALESCE(cities.city, 'Unknown') AS city, cities.state, changes.week_start, CAST(SUM(changes.listing_change) AS BIGINT) AS listing_change, CAST(ROUND(SUM(changes.price_change), 2) AS DECIMAL(20, 2)) AS price_change FROM period_ends AS changes LEFT JOIN ops.stage_0a1b2c3d_1 AS cities ON changes.listing_id = cities.listing_id GROUP BY COALESCE(cities.city, 'Unknown'), cities.state, changes.week_start HAVING SUM(changes.listing_change) <> 0 OR SUM(changes.price_change) <> 0) AS result
;

SELECT SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "start_week" IS NULL THEN 1 ELSE 0 END) AS "start_week_not_null", SUM(CASE WHEN start_week >= end_week THEN 1 ELSE 0 END) AS "period_has_a_week", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id", "start_week" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "listing_id" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "start_week" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "start_week_not_null", CAST(MIN(CASE WHEN start_week >= end_week THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "period_has_a_week", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id", "start_week" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "city" IS NULL THEN 1 ELSE 0 END) AS "city_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "listing_id" AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "listing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
;

SELECT CAST(MIN(CASE WHEN "listing_id" IS NULL THEN "listing_id" END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "city" IS NULL THEN "listing_id" END) AS VARCHAR(MAX)) AS "city_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "listing_id" AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "listing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
;

SELECT SUM(CASE WHEN "city" IS NULL THEN 1 ELSE 0 END) AS "city_not_null", SUM(CASE WHEN "week_start" IS NULL THEN 1 ELSE 0 END) AS "week_start_not_null", SUM(CASE WHEN "listing_change" IS NULL THEN 1 ELSE 0 END) AS "listing_change_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_2" GROUP BY "city", "state", "week_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_2"
;

SELECT CAST(MIN(CASE WHEN "city" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "city_not_null", CAST(MIN(CASE WHEN "week_start" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "week_start_not_null", CAST(MIN(CASE WHEN "listing_change" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "listing_change_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_2" GROUP BY "city", "state", "week_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_2"
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

CREATE TABLE "intermediate"."listing_cities" (
    "listing_id" BIGINT NOT NULL,
    "city" VARCHAR(2048) NOT NULL,
    "state" VARCHAR(1024),
    PRIMARY KEY ("listing_id")
)
DISTSTYLE KEY DISTKEY ("listing_id")
COMPOUND SORTKEY ("listing_id")
;

INSERT INTO "intermediate"."listing_cities" ("listing_id", "city", "state") SELECT "listing_id", "city", "state" FROM "ops"."stage_0a1b2c3d_1"
;

CREATE TABLE "intermediate"."price_changes" (
    "city" VARCHAR(2048) NOT NULL,
    "state" VARCHAR(1024),
    "week_start" DATE NOT NULL,
    "listing_change" BIGINT NOT NULL,
    "price_change" DECIMAL(20,2)
)
DISTSTYLE EVEN
COMPOUND SORTKEY ("week_start")
;

INSERT INTO "intermediate"."price_changes" ("city", "state", "week_start", "listing_change", "price_change") SELECT "city", "state", "week_start", "listing_change", "price_change" FROM "ops"."stage_0a1b2c3d_2"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_2"
;

DROP TABLE "intermediate"."price_changes"
;

DELETE FROM "intermediate"."price_changes"
;

COMMENT ON TABLE "intermediate"."price_changes" IS 'Listings of a city that are active at the end of the week and were not at that of the week before, less those that no longer are, and their asking prices in the reporting currency likewise; a price that changes takes the old one out and the new one in. Their sum up to a week is the number of active listings, and the sum of their prices. Weeks in which neither changes are not here.'
;

COMMENT ON COLUMN "intermediate"."price_changes"."city" IS 'City of the listings, or ''Unknown'''
;

COMMENT ON COLUMN "intermediate"."price_changes"."state" IS 'State of the listings as the source has it'
;

COMMENT ON COLUMN "intermediate"."price_changes"."week_start" IS 'Monday of the week'
;

COMMENT ON COLUMN "intermediate"."price_changes"."listing_change" IS 'More or fewer active listings'
;

COMMENT ON COLUMN "intermediate"."price_changes"."price_change" IS 'By how much the sum of their prices grows or falls'
;

