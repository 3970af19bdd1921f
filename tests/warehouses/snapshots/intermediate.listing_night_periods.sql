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

SELECT 0 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM (SELECT 1 AS doubled FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id", "kind", "start_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found UNION ALL SELECT 1 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE "listing_id" IS NULL) AS found UNION ALL SELECT 2 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE "kind" IS NULL) AS found UNION ALL SELECT 3 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE "start_date" IS NULL) AS found UNION ALL SELECT 4 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE "end_date" IS NULL) AS found UNION ALL SELECT 5 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE NOT kind IN ('booked', 'available')) AS found UNION ALL SELECT 6 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE start_date >= end_date) AS found
;

SELECT 0 AS place, COUNT(*) AS staged_rows, 0 AS doubled_keys FROM "ops"."stage_0a1b2c3d_0"
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

