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
    "kind" VARCHAR(16),
    "start_date" DATE,
    "end_date" DATE
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("listing_id", "kind", "start_date", "end_date") SELECT CAST("listing_id" AS BIGINT) AS "listing_id", CAST("kind" AS VARCHAR(MAX)) AS "kind", CAST("start_date" AS DATE) AS "start_date", CAST("end_date" AS DATE) AS "end_date" FROM (WITH calendar AS (SELECT MIN(calendar.calendar_date) AS first_date, CAST(MAX(calendar.calendar_date) + INTERVAL '1 DAY' AS DATE) AS end_date FROM curated.calendar AS calendar CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE calendar.calendar_date <= run_parameters.as_of), version_periods /* In force at the end of each day from start_date on, before end_date. */ AS (SELECT listing_id, is_active, CAST(valid_from AS DATE) AS start_date, CAST(LEAD(valid_from) OVER (PARTITION BY listing_id ORDER BY valid_from) AS DATE) AS end_date FROM curated.listing_versions), periods AS (SELECT listing_id, TRUE AS is_stay, checkin_date AS start_date, checkout_date AS end_date FROM curated.bookings WHERE NOT is_deleted AND status = 'confirmed' UNION ALL SELECT listing_id, FALSE AS is_stay, start_date, end_date FROM version_periods WHERE is_active), bounded_periods AS (SELECT periods.listing_id, periods.is_stay, GREATEST(periods.start_date, calendar.first_date) AS start_date, LEAST(COALESCE(periods.end_date, calendar.end_date), calendar.end_date) AS end_date FROM periods CROSS JOIN calendar WHERE periods.start_date < calendar.end_date), covered_periods AS (SELECT listing_id, is_stay, start_date, end_date, COALESCE(MAX(CASE WHEN is_stay THEN end_date END) OVER (PARTITION BY listing_id ORDER BY start_date ASC, end_date DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), start_date) AS booked_until, COALESCE(MAX(end_date) OVER (PARTITION BY listing_id ORDER BY start_date ASC, end_date DESC NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), start_date) AS available_until FROM bounded_periods) SELECT listing_id, 'booked' AS kind, GREATEST(start_date, booked_until) AS start_date, end_date FROM covered_periods WHERE is_stay AND GREATEST(start_date, booked_until) < end_date UNION ALL SELECT listing_id, 'available' AS kind, GREATEST(start_date, available_until) AS start_date, end_date FROM covered_periods WHERE GREATEST(start_date, available_until) < end_date) AS result
;

SELECT SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "kind" IS NULL THEN 1 ELSE 0 END) AS "kind_not_null", SUM(CASE WHEN "start_date" IS NULL THEN 1 ELSE 0 END) AS "start_date_not_null", SUM(CASE WHEN "end_date" IS NULL THEN 1 ELSE 0 END) AS "end_date_not_null", SUM(CASE WHEN NOT "kind" || '.' IN ('booked.', 'available.') THEN 1 ELSE 0 END) AS "kind_known", SUM(CASE WHEN start_date >= end_date THEN 1 ELSE 0 END) AS "period_has_a_night", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id", "kind", "start_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "listing_id" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "kind" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "kind_not_null", CAST(MIN(CASE WHEN "start_date" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "start_date_not_null", CAST(MIN(CASE WHEN "end_date" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "end_date_not_null", CAST(MIN(CASE WHEN NOT "kind" || '.' IN ('booked.', 'available.') THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "kind_known", CAST(MIN(CASE WHEN start_date >= end_date THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "period_has_a_night", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id", "kind", "start_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
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

INSERT INTO "intermediate"."listing_night_periods" ("listing_id", "kind", "start_date", "end_date") SELECT "listing_id", "kind", "start_date", "end_date" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "intermediate"."listing_night_periods"
;

DELETE FROM "intermediate"."listing_night_periods"
;

COMMENT ON TABLE "intermediate"."listing_night_periods" IS 'Periods of nights of one listing up to and including the last day the numbers include, each from the first night to the day after the last one. Kind ''booked'' covers the nights with a confirmed booking, kind ''available'' those on which the listing was active at the end of the day (UTC) or was booked. A stay covers the nights from its check-in date to the day before its check-out date. Periods of one listing and kind never overlap, so that each night is counted once; they may touch. Of periods that overlap in the source, the one that starts first, the longer of two, is kept whole, and the others are cut to the nights that it leaves. Nights before the calendar are left out.'
;

COMMENT ON COLUMN "intermediate"."listing_night_periods"."listing_id" IS 'Listing'
;

COMMENT ON COLUMN "intermediate"."listing_night_periods"."kind" IS 'Which nights: booked, or available'
;

COMMENT ON COLUMN "intermediate"."listing_night_periods"."start_date" IS 'First night'
;

COMMENT ON COLUMN "intermediate"."listing_night_periods"."end_date" IS 'Day after the last night'
;

