CREATE TABLE "ops"."stage_0a1b2c3d_p" (
    "run_id" VARCHAR(100),
    "as_of" DATE,
    "reporting_currency" VARCHAR(16)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_p" ("run_id", "as_of", "reporting_currency") VALUES ('20240305T010203Z-abcdef', DATE '2024-03-04', 'USD')
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

CREATE TABLE "ops"."stage_0a1b2c3d_1" (
    "month_start" DATE,
    "booked_nights" BIGINT,
    "available_nights" BIGINT,
    "occupancy_rate" DECIMAL(9,6)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_1" ("month_start", "booked_nights", "available_nights", "occupancy_rate") SELECT CAST("month_start" AS DATE) AS "month_start", CAST("booked_nights" AS BIGINT) AS "booked_nights", CAST("available_nights" AS BIGINT) AS "available_nights", CAST(ROUND("occupancy_rate", 6) AS DECIMAL(9, 6)) AS "occupancy_rate" FROM (WITH "query" AS (WITH calendar AS (SELECT calendar.calendar_date, calendar.month_start FROM curated.calendar AS calendar CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE calendar.calendar_date <= run_parameters.as_of), night_changes AS (SELECT start_date AS change_date, CASE WHEN kind = 'booked' THEN 1 ELSE 0 END AS booked, CASE WHEN kind = 'available' THEN 1 ELSE 0 END AS available FROM ops.stage_0a1b2c3d_0 AS listing_night_periods UNION ALL SELECT end_date AS change_date, CASE WHEN kind = 'booked' THEN -1 ELSE 0 END AS booked, CASE WHEN kind = 'available' THEN -1 ELSE 0 END AS available FROM ops.stage_0a1b2c3d_0 AS listing_night_periods), daily_changes AS (SELECT change_date, SUM(booked) AS booked, SUM(available) AS available FROM night_changes GROUP BY change_date), daily_nights /* NULL before the first night. */ AS (SELECT calendar.month_start, SUM(changes.booked) OVER (ORDER BY calendar.calendar_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS booked_nights, SUM(changes.available) OVER (ORDER BY calendar.calendar_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS available_nights FROM calendar LEFT JOIN daily_changes AS changes ON calendar.calendar_date = changes.change_date) SELECT month_start, CAST(SUM(booked_nights) AS BIGINT) AS booked_nights, CAST(SUM(available_nights) AS BIGINT) AS available_nights FROM daily_nights WHERE NOT available_nights IS NULL GROUP BY month_start), dividing AS (SELECT CAST(ROUND(ABS("query"."booked_nights") * CAST(2000000 AS BIGINT), 0) AS BIGINT) + ABS("query"."available_nights") AS _dividend_1, NULLIF(ABS("query"."available_nights") * CAST(2 AS BIGINT), 0) AS _divisor_1, CASE WHEN ("query"."booked_nights" < 0) = ("query"."available_nights" < 0) THEN 1 ELSE -1 END AS _sign_1, "query".* FROM "query") SELECT "month_start", "booked_nights", "available_nights", CAST(ROUND(CAST(ROUND(CAST((_dividend_1 - _dividend_1 % NULLIF((_divisor_1), 0)) AS DOUBLE PRECISION) / _divisor_1) AS BIGINT) * _sign_1 * 0.000001, 6) AS DECIMAL(9, 6)) AS "occupancy_rate" FROM dividing) AS result ORDER BY "month_start"
;

SELECT 0 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM (SELECT 1 AS doubled FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id", "kind", "start_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found UNION ALL SELECT 1 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE "listing_id" IS NULL) AS found UNION ALL SELECT 2 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE "kind" IS NULL) AS found UNION ALL SELECT 3 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE "start_date" IS NULL) AS found UNION ALL SELECT 4 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE "end_date" IS NULL) AS found UNION ALL SELECT 5 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE NOT kind IN ('booked', 'available')) AS found UNION ALL SELECT 6 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE start_date >= end_date) AS found
;

SELECT 0 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM (SELECT 1 AS doubled FROM "ops"."stage_0a1b2c3d_1" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found UNION ALL SELECT 1 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE "month_start" IS NULL) AS found UNION ALL SELECT 2 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE "booked_nights" IS NULL) AS found UNION ALL SELECT 3 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE "available_nights" IS NULL) AS found UNION ALL SELECT 4 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE month_start <> CAST(DATE_TRUNC('MONTH', month_start) AS DATE)) AS found UNION ALL SELECT 5 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE booked_nights < 0) AS found UNION ALL SELECT 6 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE booked_nights > available_nights) AS found UNION ALL SELECT 7 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE occupancy_rate < 0 OR occupancy_rate > 1) AS found UNION ALL SELECT 8 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE (occupancy_rate IS NULL AND available_nights > 0) OR (NOT occupancy_rate IS NULL AND available_nights = 0)) AS found UNION ALL SELECT 9 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_1" WHERE ABS(occupancy_rate * available_nights - booked_nights) > 0.0000005 * available_nights) AS found
;

DELETE FROM "ops"."run_parameters"
;

INSERT INTO "ops"."run_parameters" ("run_id", "as_of", "reporting_currency") VALUES ('20240305T010203Z-abcdef', DATE '2024-03-04', 'USD')
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

CREATE TABLE "presentation"."occupancy_rate_monthly" (
    "month_start" DATE NOT NULL,
    "booked_nights" BIGINT NOT NULL,
    "available_nights" BIGINT NOT NULL,
    "occupancy_rate" DECIMAL(9,6),
    PRIMARY KEY ("month_start")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("month_start")
;

INSERT INTO "presentation"."occupancy_rate_monthly" ("month_start", "booked_nights", "available_nights", "occupancy_rate") SELECT "month_start", "booked_nights", "available_nights", "occupancy_rate" FROM "ops"."stage_0a1b2c3d_1"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

DROP TABLE "presentation"."occupancy_rate_monthly"
;

DELETE FROM "presentation"."occupancy_rate_monthly"
;

COMMENT ON TABLE "presentation"."occupancy_rate_monthly" IS 'Booked nights divided by available nights of the month, up to and including the last day the numbers include. A stay covers the nights from its check-in date to the day before its check-out date. A booked night is one listing and one night with at least one confirmed booking, counted once however many stays overlap. An available night is one listing and one night on which the listing was active at the end of that day (UTC), or was booked. This is paid occupancy: the source knows no nights blocked by the owner. Shown for every month from the first one with an available night; in a month without available nights the rate is empty. The rate is rounded to six decimals, half up.'
;

COMMENT ON COLUMN "presentation"."occupancy_rate_monthly"."month_start" IS 'First day of the month'
;

COMMENT ON COLUMN "presentation"."occupancy_rate_monthly"."booked_nights" IS 'Nights with a confirmed booking'
;

COMMENT ON COLUMN "presentation"."occupancy_rate_monthly"."available_nights" IS 'Nights on offer or booked'
;

COMMENT ON COLUMN "presentation"."occupancy_rate_monthly"."occupancy_rate" IS 'Booked nights divided by available nights; NULL without available nights'
;

SELECT "month_start", "occupancy_rate" FROM "presentation"."occupancy_rate_monthly" ORDER BY "month_start"
;

