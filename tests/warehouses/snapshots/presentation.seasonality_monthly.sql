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
    "month_of_year" INTEGER,
    "years" INTEGER,
    "booked_nights" BIGINT,
    "all_booked_nights" BIGINT,
    "booked_nights_index" DECIMAL(9,6)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_5" ("month_of_year", "years", "booked_nights", "all_booked_nights", "booked_nights_index") SELECT CAST("month_of_year" AS INTEGER) AS "month_of_year", CAST("years" AS INTEGER) AS "years", CAST("booked_nights" AS BIGINT) AS "booked_nights", CAST("all_booked_nights" AS BIGINT) AS "all_booked_nights", CAST(ROUND("booked_nights_index", 6) AS DECIMAL(9, 6)) AS "booked_nights_index" FROM (WITH "query" AS (WITH first_night AS (SELECT MIN(change_date) AS first_date FROM ops.stage_0a1b2c3d_3 AS night_changes), nights AS (SELECT month_start, SUM(booked_nights) AS booked_nights FROM ops.stage_0a1b2c3d_4 AS city_nights_monthly GROUP BY month_start), whole_years /* A year is whole if it lies between the first night on offer and as_of. */ AS (SELECT CAST(EXTRACT(YEAR FROM months.month_start) AS INTEGER) AS whole_year FROM ops.stage_0a1b2c3d_2 AS months CROSS JOIN first_night CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE months.month_start >= first_night.first_date AND months.next_month_start <= CAST(run_parameters.as_of + INTERVAL '1 DAY' AS DATE) GROUP BY CAST(EXTRACT(YEAR FROM months.month_start) AS INTEGER) HAVING COUNT(*) = 12), month_nights AS (SELECT CAST(EXTRACT(MONTH FROM months.month_start) AS INTEGER) AS month_of_year, COALESCE(nights.booked_nights, 0) AS booked_nights FROM ops.stage_0a1b2c3d_2 AS months INNER JOIN whole_years ON CAST(EXTRACT(YEAR FROM months.month_start) AS INTEGER) = whole_years.whole_year LEFT JOIN nights ON months.month_start = nights.month_start) SELECT month_of_year, CAST(COUNT(*) AS INTEGER) AS years, CAST(SUM(booked_nights) AS BIGINT) AS booked_nights, CAST(SUM(booked_nights) * 12 AS BIGINT) AS _twelvefold, CAST(SUM(SUM(booked_nights)) OVER () AS BIGINT) AS all_booked_nights FROM month_nights GROUP BY month_of_year HAVING COUNT(*) >= 2), dividing AS (SELECT CAST(ROUND(ABS("query"."_twelvefold") * CAST(2000000 AS BIGINT), 0) AS BIGINT) + ABS("query"."all_booked_nights") AS _dividend_1, NULLIF(ABS("query"."all_booked_nights") * CAST(2 AS BIGINT), 0) AS _divisor_1, CASE WHEN ("query"."_twelvefold" < 0) = ("query"."all_booked_nights" < 0) THEN 1 ELSE -1 END AS _sign_1, "query".* FROM "query") SELECT "month_of_year", "years", "booked_nights", "all_booked_nights", CAST(ROUND(CAST(ROUND(CAST((_dividend_1 - _dividend_1 % NULLIF((_divisor_1), 0)) AS DOUBLE PRECISION) / _divisor_1) AS BIGINT) * _sign_1 * 0.000001, 6) AS DECIMAL(9, 6)) AS "booked_nights_index" FROM dividing) AS result ORDER BY "month_of_year"
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

SELECT SUM(CASE WHEN "month_of_year" IS NULL THEN 1 ELSE 0 END) AS "month_of_year_not_null", SUM(CASE WHEN "years" IS NULL THEN 1 ELSE 0 END) AS "years_not_null", SUM(CASE WHEN "booked_nights" IS NULL THEN 1 ELSE 0 END) AS "booked_nights_not_null", SUM(CASE WHEN "all_booked_nights" IS NULL THEN 1 ELSE 0 END) AS "all_booked_nights_not_null", SUM(CASE WHEN "month_of_year" < 1 OR "month_of_year" > 12 THEN 1 ELSE 0 END) AS "month_of_year_known", SUM(CASE WHEN "years" < 2 THEN 1 ELSE 0 END) AS "two_years_at_least", SUM(CASE WHEN booked_nights < 0 OR booked_nights > all_booked_nights THEN 1 ELSE 0 END) AS "nights_within_all", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_of_year" AS doubled_key FROM "ops"."stage_0a1b2c3d_5" GROUP BY "month_of_year" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_5"
;

SELECT CAST(MIN(CASE WHEN "month_of_year" IS NULL THEN "month_of_year" END) AS VARCHAR(MAX)) AS "month_of_year_not_null", CAST(MIN(CASE WHEN "years" IS NULL THEN "month_of_year" END) AS VARCHAR(MAX)) AS "years_not_null", CAST(MIN(CASE WHEN "booked_nights" IS NULL THEN "month_of_year" END) AS VARCHAR(MAX)) AS "booked_nights_not_null", CAST(MIN(CASE WHEN "all_booked_nights" IS NULL THEN "month_of_year" END) AS VARCHAR(MAX)) AS "all_booked_nights_not_null", CAST(MIN(CASE WHEN "month_of_year" < 1 OR "month_of_year" > 12 THEN "month_of_year" END) AS VARCHAR(MAX)) AS "month_of_year_known", CAST(MIN(CASE WHEN "years" < 2 THEN "month_of_year" END) AS VARCHAR(MAX)) AS "two_years_at_least", CAST(MIN(CASE WHEN booked_nights < 0 OR booked_nights > all_booked_nights THEN "month_of_year" END) AS VARCHAR(MAX)) AS "nights_within_all", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_of_year" AS doubled_key FROM "ops"."stage_0a1b2c3d_5" GROUP BY "month_of_year" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_5"
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

CREATE TABLE "presentation"."seasonality_monthly" (
    "month_of_year" INTEGER NOT NULL,
    "years" INTEGER NOT NULL,
    "booked_nights" BIGINT NOT NULL,
    "all_booked_nights" BIGINT NOT NULL,
    "booked_nights_index" DECIMAL(9,6),
    PRIMARY KEY ("month_of_year")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("month_of_year")
;

INSERT INTO "presentation"."seasonality_monthly" ("month_of_year", "years", "booked_nights", "all_booked_nights", "booked_nights_index") SELECT "month_of_year", "years", "booked_nights", "all_booked_nights", "booked_nights_index" FROM "ops"."stage_0a1b2c3d_5"
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

DROP TABLE "presentation"."seasonality_monthly"
;

DELETE FROM "presentation"."seasonality_monthly"
;

COMMENT ON TABLE "presentation"."seasonality_monthly" IS 'Booked nights, as occupancy_rate_monthly defines them, of each month of the year over whole years: calendar years that lie between the first night on offer and the last day the numbers include. The index is the mean of the month divided by the mean of all months of these years, rounded to six decimals, half up: 1 is an average month. Months are taken as they are, however many days they have. Empty until there are two whole years; the index is empty where no night was booked.'
;

COMMENT ON COLUMN "presentation"."seasonality_monthly"."month_of_year" IS 'Month from 1 to 12'
;

COMMENT ON COLUMN "presentation"."seasonality_monthly"."years" IS 'Whole years that count'
;

COMMENT ON COLUMN "presentation"."seasonality_monthly"."booked_nights" IS 'Nights booked in the month over these years'
;

COMMENT ON COLUMN "presentation"."seasonality_monthly"."all_booked_nights" IS 'Nights booked in all months of these years'
;

COMMENT ON COLUMN "presentation"."seasonality_monthly"."booked_nights_index" IS 'Mean of the month divided by the mean of all months'
;

