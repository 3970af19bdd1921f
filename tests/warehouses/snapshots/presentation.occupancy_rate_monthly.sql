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
    "month_start" DATE,
    "next_month_start" DATE,
    "month_number" BIGINT
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_2" ("month_start", "next_month_start", "month_number") SELECT CAST("month_start" AS DATE) AS "month_start", CAST("next_month_start" AS DATE) AS "next_month_start", CAST("month_number" AS BIGINT) AS "month_number" FROM (SELECT calendar.month_start, CAST(MAX(calendar.calendar_date) + INTERVAL '1 DAY' AS DATE) AS next_month_start, CAST(ROW_NUMBER() OVER (ORDER BY calendar.month_start) AS BIGINT) AS month_number FROM curated.calendar AS calendar CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE calendar.month_start <= CAST(run_parameters.as_of + INTERVAL '366 DAY' AS DATE) GROUP BY calendar.month_start) AS result
;

CREATE TABLE "ops"."stage_0a1b2c3d_3" (
    "city" VARCHAR(2048),
    "state" VARCHAR(1024),
    "change_date" DATE,
    "booked" BIGINT,
    "available" BIGINT
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_3" ("city", "state", "change_date", "booked", "available") SELECT CAST("city" AS VARCHAR(MAX)) AS "city", CAST("state" AS VARCHAR(MAX)) AS "state", CAST("change_date" AS DATE) AS "change_date", CAST("booked" AS BIGINT) AS "booked", CAST("available" AS BIGINT) AS "available" FROM (WITH changes AS (SELECT listing_id, kind, start_date AS change_date, 1 AS change FROM ops.stage_0a1b2c3d_1 AS listing_night_periods UNION ALL SELECT listing_id, kind, end_date AS change_date, -1 AS change FROM ops.stage_0a1b2c3d_1 AS listing_night_periods) SELECT COALESCE(cities.city, 'Unknown') AS city, cities.state, changes.change_date, CAST(SUM(CASE WHEN changes.kind = 'booked' THEN changes.change ELSE 0 END) AS BIGINT) AS booked, CAST(SUM(CASE WHEN changes.kind = 'available' THEN changes.change ELSE 0 END) AS BIGINT) AS available FROM changes LEFT JOIN ops.stage_0a1b2c3d_0 AS cities ON changes.listing_id = cities.listing_id GROUP BY COALESCE(cities.city, 'Unknown'), cities.state, changes.change_date HAVING SUM(CASE WHEN changes.kind = 'booked' THEN changes.change ELSE 0 END) <> 0 OR SUM(CASE WHEN changes.kind = 'available' THEN changes.change ELSE 0 END) <> 0) AS result
;

CREATE TABLE "ops"."stage_0a1b2c3d_4" (
    "city" VARCHAR(2048),
    "state" VARCHAR(1024),
    "month_start" DATE,
    "booked_nights" BIGINT,
    "available_nights" BIGINT
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_4" ("city", "state", "month_start", "booked_nights", "available_nights") SELECT CAST("city" AS VARCHAR(MAX)) AS "city", CAST("state" AS VARCHAR(MAX)) AS "state", CAST("month_start" AS DATE) AS "month_start", CAST("booked_nights" AS BIGINT) AS "booked_nights", CAST("available_nights" AS BIGINT) AS "available_nights" FROM (/* The month that as_of lies in ends with it. */ WITH months AS (SELECT calendar.month_start, COUNT(*) AS days, CAST(MAX(calendar.calendar_date) + INTERVAL '1 DAY' AS DATE) AS end_date FROM curated.calendar AS calendar CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE calendar.calendar_date <= run_parameters.as_of GROUP BY calendar.month_start), cities AS (SELECT city, state, MIN(change_date) AS first_date FROM ops.stage_0a1b2c3d_3 AS night_changes GROUP BY city, state), changes_and_months /* A change adds to the nights that are left of its own month, and to all of later ones. Months without one */ /* are there too. A state may be NULL, which no join finds. */ AS (SELECT changes.city, changes.state, months.month_start, changes.booked, changes.available, DATEDIFF(DAY, changes.change_date, months.end_date) AS days_left FROM ops.stage_0a1b2c3d_3 AS changes INNER JOIN months ON CAST(DATE_TRUNC('MONTH', changes.change_date) AS DATE) = months.month_start UNION ALL SELECT cities.city, cities.state, months.month_start, 0 AS booked, 0 AS available, 0 AS days_left FROM cities INNER JOIN months ON cities.first_date < months.end_date), nights AS (SELECT changes.city, changes.state, changes.month_start, SUM(changes.booked * changes.days_left) + months.days * COALESCE(SUM(SUM(changes.booked)) OVER (PARTITION BY changes.city, changes.state ORDER BY changes.month_start ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS booked_nights, SUM(changes.available * changes.days_left) + months.days * COALESCE(SUM(SUM(changes.available)) OVER (PARTITION BY changes.city, changes.state ORDER BY changes.month_start ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS available_nights FROM changes_and_months AS changes INNER JOIN months ON changes.month_start = months.month_start GROUP BY changes.city, changes.state, changes.month_start, months.days) SELECT city, state, month_start, CAST(booked_nights AS BIGINT) AS booked_nights, CAST(available_nights AS BIGINT) AS available_nights FROM nights WHERE available_nights > 0) AS result
;

CREATE TABLE "ops"."stage_0a1b2c3d_5" (
    "month_start" DATE,
    "booked_nights" BIGINT,
    "available_nights" BIGINT,
    "occupancy_rate" DECIMAL(9,6)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_5" ("month_start", "booked_nights", "available_nights", "occupancy_rate") SELECT CAST("month_start" AS DATE) AS "month_start", CAST("booked_nights" AS BIGINT) AS "booked_nights", CAST("available_nights" AS BIGINT) AS "available_nights", CAST(ROUND("occupancy_rate", 6) AS DECIMAL(9, 6)) AS "occupancy_rate" FROM (WITH "query" AS (WITH nights AS (SELECT month_start, SUM(booked_nights) AS booked_nights, SUM(available_nights) AS available_nights FROM ops.stage_0a1b2c3d_4 AS city_nights_monthly GROUP BY month_start) SELECT months.month_start, CAST(COALESCE(nights.booked_nights, 0) AS BIGINT) AS booked_nights, CAST(COALESCE(nights.available_nights, 0) AS BIGINT) AS available_nights FROM ops.stage_0a1b2c3d_2 AS months CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters LEFT JOIN nights ON months.month_start = nights.month_start WHERE months.month_start <= run_parameters.as_of AND months.month_start >= (SELECT MIN(month_start) FROM ops.stage_0a1b2c3d_4 AS city_nights_monthly)), dividing AS (SELECT CAST(ROUND(ABS("query"."booked_nights") * CAST(2000000 AS BIGINT), 0) AS BIGINT) + ABS("query"."available_nights") AS _dividend_1, NULLIF(ABS("query"."available_nights") * CAST(2 AS BIGINT), 0) AS _divisor_1, CASE WHEN ("query"."booked_nights" < 0) = ("query"."available_nights" < 0) THEN 1 ELSE -1 END AS _sign_1, "query".* FROM "query") SELECT "month_start", "booked_nights", "available_nights", CAST(ROUND(CAST(ROUND(CAST((_dividend_1 - _dividend_1 % NULLIF((_divisor_1), 0)) AS DOUBLE PRECISION) / _divisor_1) AS BIGINT) * _sign_1 * 0.000001, 6) AS DECIMAL(9, 6)) AS "occupancy_rate" FROM dividing) AS result ORDER BY "month_start"
;

SELECT SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "city" IS NULL THEN 1 ELSE 0 END) AS "city_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "listing_id" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "listing_id" IS NULL THEN "listing_id" END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "city" IS NULL THEN "listing_id" END) AS VARCHAR(MAX)) AS "city_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "listing_id" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "kind" IS NULL THEN 1 ELSE 0 END) AS "kind_not_null", SUM(CASE WHEN "start_date" IS NULL THEN 1 ELSE 0 END) AS "start_date_not_null", SUM(CASE WHEN "end_date" IS NULL THEN 1 ELSE 0 END) AS "end_date_not_null", SUM(CASE WHEN NOT "kind" || '.' IN ('booked.', 'available.') THEN 1 ELSE 0 END) AS "kind_known", SUM(CASE WHEN start_date >= end_date THEN 1 ELSE 0 END) AS "period_has_a_night", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "listing_id", "kind", "start_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
;

SELECT CAST(MIN(CASE WHEN "listing_id" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "kind" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "kind_not_null", CAST(MIN(CASE WHEN "start_date" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "start_date_not_null", CAST(MIN(CASE WHEN "end_date" IS NULL THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "end_date_not_null", CAST(MIN(CASE WHEN NOT "kind" || '.' IN ('booked.', 'available.') THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "kind_known", CAST(MIN(CASE WHEN start_date >= end_date THEN COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "period_has_a_night", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("start_date" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "listing_id", "kind", "start_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
;

SELECT SUM(CASE WHEN "month_start" IS NULL THEN 1 ELSE 0 END) AS "month_start_not_null", SUM(CASE WHEN "next_month_start" IS NULL THEN 1 ELSE 0 END) AS "next_month_start_not_null", SUM(CASE WHEN "month_number" IS NULL THEN 1 ELSE 0 END) AS "month_number_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_2" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_2"
;

SELECT CAST(MIN(CASE WHEN "month_start" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "month_start_not_null", CAST(MIN(CASE WHEN "next_month_start" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "next_month_start_not_null", CAST(MIN(CASE WHEN "month_number" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "month_number_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_2" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_2"
;

SELECT SUM(CASE WHEN "city" IS NULL THEN 1 ELSE 0 END) AS "city_not_null", SUM(CASE WHEN "change_date" IS NULL THEN 1 ELSE 0 END) AS "change_date_not_null", SUM(CASE WHEN "booked" IS NULL THEN 1 ELSE 0 END) AS "booked_not_null", SUM(CASE WHEN "available" IS NULL THEN 1 ELSE 0 END) AS "available_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("change_date" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_3" GROUP BY "city", "state", "change_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_3"
;

SELECT CAST(MIN(CASE WHEN "city" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("change_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "city_not_null", CAST(MIN(CASE WHEN "change_date" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("change_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "change_date_not_null", CAST(MIN(CASE WHEN "booked" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("change_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "booked_not_null", CAST(MIN(CASE WHEN "available" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("change_date" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "available_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("change_date" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_3" GROUP BY "city", "state", "change_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_3"
;

SELECT SUM(CASE WHEN "city" IS NULL THEN 1 ELSE 0 END) AS "city_not_null", SUM(CASE WHEN "month_start" IS NULL THEN 1 ELSE 0 END) AS "month_start_not_null", SUM(CASE WHEN "booked_nights" IS NULL THEN 1 ELSE 0 END) AS "booked_nights_not_null", SUM(CASE WHEN "available_nights" IS NULL THEN 1 ELSE 0 END) AS "available_nights_not_null", SUM(CASE WHEN "booked_nights" < 0 THEN 1 ELSE 0 END) AS "booked_nights_not_negative", SUM(CASE WHEN booked_nights > available_nights THEN 1 ELSE 0 END) AS "booked_nights_within_available", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_4" GROUP BY "city", "state", "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_4"
;

SELECT CAST(MIN(CASE WHEN "city" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "city_not_null", CAST(MIN(CASE WHEN "month_start" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "month_start_not_null", CAST(MIN(CASE WHEN "booked_nights" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "booked_nights_not_null", CAST(MIN(CASE WHEN "available_nights" IS NULL THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "available_nights_not_null", CAST(MIN(CASE WHEN "booked_nights" < 0 THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "booked_nights_not_negative", CAST(MIN(CASE WHEN booked_nights > available_nights THEN COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "booked_nights_within_available", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("month_start" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_4" GROUP BY "city", "state", "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_4"
;

SELECT SUM(CASE WHEN "month_start" IS NULL THEN 1 ELSE 0 END) AS "month_start_not_null", SUM(CASE WHEN "booked_nights" IS NULL THEN 1 ELSE 0 END) AS "booked_nights_not_null", SUM(CASE WHEN "available_nights" IS NULL THEN 1 ELSE 0 END) AS "available_nights_not_null", SUM(CASE WHEN "booked_nights" < 0 THEN 1 ELSE 0 END) AS "booked_nights_not_negative", SUM(CASE WHEN "occupancy_rate" < 0 OR "occupancy_rate" > 1 THEN 1 ELSE 0 END) AS "rate_within_bounds", SUM(CASE WHEN month_start <> CAST(DATE_TRUNC('MONTH', month_start) AS DATE) THEN 1 ELSE 0 END) AS "month_starts_on_first", SUM(CASE WHEN booked_nights > available_nights THEN 1 ELSE 0 END) AS "booked_nights_within_available", SUM(CASE WHEN (occupancy_rate IS NULL AND available_nights > 0) OR (NOT occupancy_rate IS NULL AND available_nights = 0) THEN 1 ELSE 0 END) AS "rate_only_without_nights_missing", SUM(CASE WHEN ABS(occupancy_rate * available_nights - booked_nights) > 0.0000005 * available_nights THEN 1 ELSE 0 END) AS "rate_is_booked_by_available", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_5" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_5"
;

SELECT CAST(MIN(CASE WHEN "month_start" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "month_start_not_null", CAST(MIN(CASE WHEN "booked_nights" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "booked_nights_not_null", CAST(MIN(CASE WHEN "available_nights" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "available_nights_not_null", CAST(MIN(CASE WHEN "booked_nights" < 0 THEN "month_start" END) AS VARCHAR(MAX)) AS "booked_nights_not_negative", CAST(MIN(CASE WHEN "occupancy_rate" < 0 OR "occupancy_rate" > 1 THEN "month_start" END) AS VARCHAR(MAX)) AS "rate_within_bounds", CAST(MIN(CASE WHEN month_start <> CAST(DATE_TRUNC('MONTH', month_start) AS DATE) THEN "month_start" END) AS VARCHAR(MAX)) AS "month_starts_on_first", CAST(MIN(CASE WHEN booked_nights > available_nights THEN "month_start" END) AS VARCHAR(MAX)) AS "booked_nights_within_available", CAST(MIN(CASE WHEN (occupancy_rate IS NULL AND available_nights > 0) OR (NOT occupancy_rate IS NULL AND available_nights = 0) THEN "month_start" END) AS VARCHAR(MAX)) AS "rate_only_without_nights_missing", CAST(MIN(CASE WHEN ABS(occupancy_rate * available_nights - booked_nights) > 0.0000005 * available_nights THEN "month_start" END) AS VARCHAR(MAX)) AS "rate_is_booked_by_available", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_5" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_5"
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

CREATE TABLE "intermediate"."months" (
    "month_start" DATE NOT NULL,
    "next_month_start" DATE NOT NULL,
    "month_number" BIGINT NOT NULL,
    PRIMARY KEY ("month_start")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("month_start")
;

INSERT INTO "intermediate"."months" ("month_start", "next_month_start", "month_number") SELECT "month_start", "next_month_start", "month_number" FROM "ops"."stage_0a1b2c3d_2"
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

INSERT INTO "intermediate"."night_changes" ("city", "state", "change_date", "booked", "available") SELECT "city", "state", "change_date", "booked", "available" FROM "ops"."stage_0a1b2c3d_3"
;

CREATE TABLE "intermediate"."city_nights_monthly" (
    "city" VARCHAR(2048) NOT NULL,
    "state" VARCHAR(1024),
    "month_start" DATE NOT NULL,
    "booked_nights" BIGINT NOT NULL,
    "available_nights" BIGINT NOT NULL
)
DISTSTYLE EVEN
COMPOUND SORTKEY ("month_start")
;

INSERT INTO "intermediate"."city_nights_monthly" ("city", "state", "month_start", "booked_nights", "available_nights") SELECT "city", "state", "month_start", "booked_nights", "available_nights" FROM "ops"."stage_0a1b2c3d_4"
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

INSERT INTO "presentation"."occupancy_rate_monthly" ("month_start", "booked_nights", "available_nights", "occupancy_rate") SELECT "month_start", "booked_nights", "available_nights", "occupancy_rate" FROM "ops"."stage_0a1b2c3d_5"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_2"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_3"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_4"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_5"
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

