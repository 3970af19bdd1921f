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

SELECT 0 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM (SELECT 1 AS doubled FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id", "start_week" HAVING COUNT(*) > 1) AS doubled_keys) AS found UNION ALL SELECT 1 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE "listing_id" IS NULL) AS found UNION ALL SELECT 2 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE "start_week" IS NULL) AS found UNION ALL SELECT 3 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE start_week >= end_week) AS found
;

SELECT 0 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM (SELECT 1 AS doubled FROM "ops"."stage_0a1b2c3d_1" GROUP BY "week_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found UNION ALL SELECT 1 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE "week_start" IS NULL) AS found UNION ALL SELECT 2 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE "new_listings" IS NULL) AS found UNION ALL SELECT 3 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE "reactivated_listings" IS NULL) AS found UNION ALL SELECT 4 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE "deactivated_listings" IS NULL) AS found UNION ALL SELECT 5 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE "active_listings" IS NULL) AS found UNION ALL SELECT 6 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE)) AS found UNION ALL SELECT 7 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE new_listings < 0 OR reactivated_listings < 0 OR deactivated_listings < 0 OR active_listings < 0) AS found
;

SELECT 0 AS place, COUNT(*) AS staged_rows, 0 AS doubled_keys FROM "ops"."stage_0a1b2c3d_0" UNION ALL SELECT 1 AS place, COUNT(*) AS staged_rows, 0 AS doubled_keys FROM "ops"."stage_0a1b2c3d_1"
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

