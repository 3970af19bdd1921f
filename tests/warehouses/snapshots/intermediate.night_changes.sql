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
    "city" VARCHAR(2048),
    "state" VARCHAR(1024)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("listing_id", "city", "state") SELECT CAST("listing_id" AS BIGINT) AS "listing_id", CAST("city" AS VARCHAR(MAX)) AS "city", CAST("state" AS VARCHAR(MAX)) AS "state" FROM (SELECT listing_id, CASE WHEN REPLACE(city, ' ', '') <> '' THEN city ELSE 'Unknown' END AS city, state FROM curated.listing_attributes WHERE NOT is_deleted) AS result
;

CREATE TABLE "ops"."stage_0a1b2c3d_1" (
    "listing_id" BIGINT,
    "kind" VARCHAR(16),
    "start_date" DATE,
    "end_date" DATE
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_1" ("listing_id", "kind", "start_date", "end_date") SELECT CAST("listing_id" AS BIGINT) AS "listing_id", CAST("kind" AS VARCHAR(MAX)) AS "kind", CAST("start_date" AS DATE) AS "start_date", CAST("end_date" AS DATE) AS "end_date" FROM (WITH calendar AS (SELECT MIN(calendar.calendar_date) AS first_date, CAST(MAX(calendar.calendar_date) + INTERVAL '1 DAY' AS DATE) AS end_date FROM curated.calendar AS calendar CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE calendar.calendar_date <= run_parameters.as_of), version_periods /* In force at the end of each day from start_date on, before end_date. */ AS (SELECT listing_id, is_active, CAST(valid_from AS DATE) AS start_date, CAST(LEAD(valid_from) OVER (PARTITION BY listing_id ORDER BY valid_from) AS DATE) AS end_date FROM curated.listing_versions), periods AS (SELECT listing_id, TRUE AS is_stay, checkin_date AS start_date, checkout_date AS end_date FROM curated.bookings WHERE NOT is_deleted AND status = 'confirmed' UNION ALL SELECT listing_id, FALSE AS is_stay, start_date, end_date FROM version_periods WHERE is_active), bounded_periods AS (SELECT periods.listing_id, periods.is_stay, GREATEST(periods.start_date, calendar.first_date) AS start_date, LEAST(COALESCE(periods.end_date, calendar.end_date), calendar.end_date) AS end_date FROM periods CROSS JOIN calendar WHERE periods.start_date < calendar.end_date), covered_periods AS (SELECT listing_id, is_stay, start_date, end_date, COALESCE(MAX(CASE WHEN is_stay THEN end_date END) OVER (PARTITION BY listing_id ORDER BY start_date ASC, end_date DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), start_date) AS booked_until, COALESCE(MAX(end_date) OVER (PARTITION BY listing_id ORDER BY start_date ASC, end_date DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), start_date) AS available_until FROM bounded_periods) SELECT listing_id, 'booked' AS kind, GREATEST(start_date, booked_until) AS start_date, end_date FROM covered_periods WHERE is_stay AND GREATEST(start_date, booked_until) < end_date UNION ALL SELECT listing_id, 'available' AS kind, GREATEST(start_date, available_until) AS start_date, end_date FROM covered_periods WHERE GREATEST(start_date, available_until) < end_date) AS result
;

CREATE TABLE "ops"."stage_0a1b2c3d_2" (
    "city" VARCHAR(2048),
    "state" VARCHAR(1024),
    "change_date" DATE,
    "booked" BIGINT,
    "available" BIGINT
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_2" ("city", "state", "change_date", "booked", "available") SELECT CAST("city" AS VARCHAR(MAX)) AS "city", CAST("state" AS VARCHAR(MAX)) AS "state", CAST("change_date" AS DATE) AS "change_date", CAST("booked" AS BIGINT) AS "booked", CAST("available" AS BIGINT) AS "available" FROM (WITH changes AS (SELECT listing_id, kind, start_date AS change_date, 1 AS change FROM ops.stage_0a1b2c3d_1 AS listing_night_periods UNION ALL SELECT listing_id, kind, end_date AS change_date, -1 AS change FROM ops.stage_0a1b2c3d_1 AS listing_night_periods) SELECT COALESCE(cities.city, 'Unknown') AS city, cities.state, changes.change_date, CAST(SUM(CASE WHEN changes.kind = 'booked' THEN changes.change ELSE 0 END) AS BIGINT) AS booked, CAST(SUM(CASE WHEN changes.kind = 'available' THEN changes.change ELSE 0 END) AS BIGINT) AS available FROM changes LEFT JOIN ops.stage_0a1b2c3d_0 AS cities ON changes.listing_id = cities.listing_id GROUP BY COALESCE(cities.city, 'Unknown'), cities.state, changes.change_date HAVING SUM(CASE WHEN changes.kind = 'booked' THEN changes.change ELSE 0 END) <> 0 OR SUM(CASE WHEN changes.kind = 'available' THEN changes.change ELSE 0 END) <> 0) AS result
;

SELECT SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "city" IS NULL THEN 1 ELSE 0 END) AS "city_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "listing_id" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "listing_id" IS NULL THEN "listing_id" END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "city" IS NULL THEN "listing_id" END) AS VARCHAR(MAX)) AS "city_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "listing_id" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "kind" IS NULL THEN 1 ELSE 0 END) AS "kind_not_null", SUM(CASE WHEN "start_date" IS NULL THEN 1 ELSE 0 END) AS "start_date_not_null", SUM(CASE WHEN "end_date" IS NULL THEN 1 ELSE 0 END) AS "end_date_not_null", SUM(CASE WHEN NOT "kind" || '.' IN ('booked.', 'available.') THEN 1 ELSE 0 END) AS "kind_known", SUM(CASE WHEN start_date >= end_date THEN 1 ELSE 0 END) AS "period_has_a_night", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "listing_id", "kind", "start_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
;

SELECT CAST(MIN(CASE WHEN "listing_id" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "kind" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "kind_not_null", CAST(MIN(CASE WHEN "start_date" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "start_date_not_null", CAST(MIN(CASE WHEN "end_date" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "end_date_not_null", CAST(MIN(CASE WHEN NOT "kind" || '.' IN ('booked.', 'available.') THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "kind_known", CAST(MIN(CASE WHEN start_date >= end_date THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "period_has_a_night", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "listing_id", "kind", "start_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
;

SELECT SUM(CASE WHEN "city" IS NULL THEN 1 ELSE 0 END) AS "city_not_null", SUM(CASE WHEN "change_date" IS NULL THEN 1 ELSE 0 END) AS "change_date_not_null", SUM(CASE WHEN "booked" IS NULL THEN 1 ELSE 0 END) AS "booked_not_null", SUM(CASE WHEN "available" IS NULL THEN 1 ELSE 0 END) AS "available_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("change_date" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_2" GROUP BY "city", "state", "change_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_2"
;

SELECT CAST(MIN(CASE WHEN "city" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("change_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "city_not_null", CAST(MIN(CASE WHEN "change_date" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("change_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "change_date_not_null", CAST(MIN(CASE WHEN "booked" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("change_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "booked_not_null", CAST(MIN(CASE WHEN "available" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("change_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "available_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("change_date" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_2" GROUP BY "city", "state", "change_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_2"
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

INSERT INTO "intermediate"."listing_cities" ("listing_id", "city", "state") SELECT "listing_id", "city", "state" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "intermediate"."listing_night_periods" (
    "listing_id" BIGINT NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "start_date" DATE NOT NULL,
    "end_date" DATE NOT NULL,
    PRIMARY KEY ("listing_id", "kind", "start_date")
)
DISTSTYLE KEY DISTKEY ("listing_id")
COMPOUND SORTKEY ("listing_id", "start_date")
;

INSERT INTO "intermediate"."listing_night_periods" ("listing_id", "kind", "start_date", "end_date") SELECT "listing_id", "kind", "start_date", "end_date" FROM "ops"."stage_0a1b2c3d_1"
;

CREATE TABLE "intermediate"."night_changes" (
    "city" VARCHAR(2048) NOT NULL,
    "state" VARCHAR(1024),
    "change_date" DATE NOT NULL,
    "booked" BIGINT NOT NULL,
    "available" BIGINT NOT NULL
)
DISTSTYLE EVEN
COMPOUND SORTKEY ("change_date")
;

INSERT INTO "intermediate"."night_changes" ("city", "state", "change_date", "booked", "available") SELECT "city", "state", "change_date", "booked", "available" FROM "ops"."stage_0a1b2c3d_2"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_2"
;

DROP TABLE "intermediate"."night_changes"
;

DELETE FROM "intermediate"."night_changes"
;

COMMENT ON TABLE "intermediate"."night_changes" IS 'Listings of a city that begin to be booked, or on offer, with a night, less those that end with the night before; from the periods of intermediate.listing_night_periods. Their sum up to a day is the number of listings booked, or on offer, in that night. Days on which neither number changes are not here; the last changes may lie a day after the last day the numbers include.'
;

COMMENT ON COLUMN "intermediate"."night_changes"."city" IS 'City of the listings, or ''Unknown'''
;

COMMENT ON COLUMN "intermediate"."night_changes"."state" IS 'State of the listings as the source has it'
;

COMMENT ON COLUMN "intermediate"."night_changes"."change_date" IS 'Night from which on the number is another one'
;

COMMENT ON COLUMN "intermediate"."night_changes"."booked" IS 'More or fewer listings with a confirmed booking'
;

COMMENT ON COLUMN "intermediate"."night_changes"."available" IS 'More or fewer listings on offer or booked'
;

