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
    "week_start" DATE,
    "new_listings" BIGINT,
    "reactivated_listings" BIGINT,
    "deactivated_listings" BIGINT,
    "active_listings" BIGINT
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_1" ("week_start", "new_listings", "reactivated_listings", "deactivated_listings", "active_listings") SELECT CAST("week_start" AS DATE) AS "week_start", CAST("new_listings" AS BIGINT) AS "new_listings", CAST("reactivated_listings" AS BIGINT) AS "reactivated_listings", CAST("deactivated_listings" AS BIGINT) AS "deactivated_listings", CAST("active_listings" AS BIGINT) AS "active_listings" FROM (WITH weeks AS (SELECT DISTINCT calendar.week_start FROM curated.calendar AS calendar CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE calendar.calendar_date <= run_parameters.as_of), neighbours AS (SELECT start_week, end_week, LAG(end_week) OVER (PARTITION BY listing_id ORDER BY start_week) AS end_week_before, LEAD(start_week) OVER (PARTITION BY listing_id ORDER BY start_week) AS next_start_week FROM ops.stage_0a1b2c3d_0 AS active_listing_weeks), changes /* Periods that touch differ in the price alone. */ AS (SELECT start_week AS week_start, CASE WHEN end_week_before IS NULL THEN 1 ELSE 0 END AS new_listings, CASE WHEN end_week_before < start_week THEN 1 ELSE 0 END AS reactivated_listings, 0 AS deactivated_listings FROM neighbours UNION ALL SELECT end_week AS week_start, 0 AS new_listings, 0 AS reactivated_listings, 1 AS deactivated_listings FROM neighbours WHERE NOT end_week IS NULL AND (next_start_week IS NULL OR next_start_week > end_week)), weekly_changes AS (SELECT week_start, SUM(new_listings) AS new_listings, SUM(reactivated_listings) AS reactivated_listings, SUM(deactivated_listings) AS deactivated_listings FROM changes GROUP BY week_start), counted AS (SELECT weeks.week_start, COALESCE(changes.new_listings, 0) AS new_listings, COALESCE(changes.reactivated_listings, 0) AS reactivated_listings, COALESCE(changes.deactivated_listings, 0) AS deactivated_listings FROM weeks LEFT JOIN weekly_changes AS changes ON weeks.week_start = changes.week_start WHERE weeks.week_start >= (SELECT MIN(week_start) FROM weekly_changes)) SELECT week_start, CAST(new_listings AS BIGINT) AS new_listings, CAST(reactivated_listings AS BIGINT) AS reactivated_listings, CAST(deactivated_listings AS BIGINT) AS deactivated_listings, CAST(SUM(new_listings + reactivated_listings - deactivated_listings) OVER (ORDER BY week_start ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS active_listings FROM counted) AS result ORDER BY "week_start"
;

SELECT SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "start_week" IS NULL THEN 1 ELSE 0 END) AS "start_week_not_null", SUM(CASE WHEN start_week >= end_week THEN 1 ELSE 0 END) AS "period_has_a_week", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id", "start_week" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "listing_id" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "start_week" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "start_week_not_null", CAST(MIN(CASE WHEN start_week >= end_week THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "period_has_a_week", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_week" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id", "start_week" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT SUM(CASE WHEN "week_start" IS NULL THEN 1 ELSE 0 END) AS "week_start_not_null", SUM(CASE WHEN "new_listings" IS NULL THEN 1 ELSE 0 END) AS "new_listings_not_null", SUM(CASE WHEN "reactivated_listings" IS NULL THEN 1 ELSE 0 END) AS "reactivated_listings_not_null", SUM(CASE WHEN "deactivated_listings" IS NULL THEN 1 ELSE 0 END) AS "deactivated_listings_not_null", SUM(CASE WHEN "active_listings" IS NULL THEN 1 ELSE 0 END) AS "active_listings_not_null", SUM(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN 1 ELSE 0 END) AS "week_starts_on_monday", SUM(CASE WHEN new_listings < 0 OR reactivated_listings < 0 OR deactivated_listings < 0 OR active_listings < 0 THEN 1 ELSE 0 END) AS "counts_not_negative", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "week_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "week_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
;

SELECT CAST(MIN(CASE WHEN "week_start" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "week_start_not_null", CAST(MIN(CASE WHEN "new_listings" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "new_listings_not_null", CAST(MIN(CASE WHEN "reactivated_listings" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "reactivated_listings_not_null", CAST(MIN(CASE WHEN "deactivated_listings" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "deactivated_listings_not_null", CAST(MIN(CASE WHEN "active_listings" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "active_listings_not_null", CAST(MIN(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN "week_start" END) AS VARCHAR(MAX)) AS "week_starts_on_monday", CAST(MIN(CASE WHEN new_listings < 0 OR reactivated_listings < 0 OR deactivated_listings < 0 OR active_listings < 0 THEN "week_start" END) AS VARCHAR(MAX)) AS "counts_not_negative", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "week_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "week_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
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

CREATE TABLE "presentation"."listing_supply_weekly" (
    "week_start" DATE NOT NULL,
    "new_listings" BIGINT NOT NULL,
    "reactivated_listings" BIGINT NOT NULL,
    "deactivated_listings" BIGINT NOT NULL,
    "active_listings" BIGINT NOT NULL,
    PRIMARY KEY ("week_start")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("week_start")
;

INSERT INTO "presentation"."listing_supply_weekly" ("week_start", "new_listings", "reactivated_listings", "deactivated_listings", "active_listings") SELECT "week_start", "new_listings", "reactivated_listings", "deactivated_listings", "active_listings" FROM "ops"."stage_0a1b2c3d_1"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

DROP TABLE "presentation"."listing_supply_weekly"
;

DELETE FROM "presentation"."listing_supply_weekly"
;

COMMENT ON TABLE "presentation"."listing_supply_weekly" IS 'Listings active at the end of the week''s Sunday (UTC), or at the end of the last day the numbers include if that comes earlier. A listing is new in the first week at whose end it is active, reactivated when it is active after a week at whose end it was not though it had been before, and deactivated when it is no longer active after a week at whose end it was; a listing that was deleted is not active. What comes and goes within one week does not show. Active listings are always those of the week before, plus the new and the reactivated ones, less the deactivated ones. Shown for every week from the first one with an active listing.'
;

COMMENT ON COLUMN "presentation"."listing_supply_weekly"."week_start" IS 'Monday the week starts on'
;

COMMENT ON COLUMN "presentation"."listing_supply_weekly"."new_listings" IS 'Listings active at the end of a week for the first time'
;

COMMENT ON COLUMN "presentation"."listing_supply_weekly"."reactivated_listings" IS 'Listings that are active again'
;

COMMENT ON COLUMN "presentation"."listing_supply_weekly"."deactivated_listings" IS 'Listings that are not active any more'
;

COMMENT ON COLUMN "presentation"."listing_supply_weekly"."active_listings" IS 'Listings active at the end of the week'
;

SELECT "week_start", "active_listings" FROM "presentation"."listing_supply_weekly" ORDER BY "week_start"
;

