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
    "month_start" DATE,
    "next_month_start" DATE,
    "month_number" BIGINT
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("month_start", "next_month_start", "month_number") SELECT CAST("month_start" AS DATE) AS "month_start", CAST("next_month_start" AS DATE) AS "next_month_start", CAST("month_number" AS BIGINT) AS "month_number" FROM (SELECT calendar.month_start, CAST(MAX(calendar.calendar_date) + INTERVAL '1 DAY' AS DATE) AS next_month_start, CAST(ROW_NUMBER() OVER (ORDER BY calendar.month_start) AS BIGINT) AS month_number FROM curated.calendar AS calendar CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE calendar.month_start <= CAST(run_parameters.as_of + INTERVAL '366 DAY' AS DATE) GROUP BY calendar.month_start) AS result
;

CREATE TABLE "ops"."stage_0a1b2c3d_1" (
    "cohort_month" DATE,
    "months_since" INTEGER,
    "cohort_users" BIGINT,
    "active_users" BIGINT,
    "retention_rate" DECIMAL(9,6)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_1" ("cohort_month", "months_since", "cohort_users", "active_users", "retention_rate") SELECT CAST("cohort_month" AS DATE) AS "cohort_month", CAST("months_since" AS INTEGER) AS "months_since", CAST("cohort_users" AS BIGINT) AS "cohort_users", CAST("active_users" AS BIGINT) AS "active_users", CAST(ROUND("retention_rate", 6) AS DECIMAL(9, 6)) AS "retention_rate" FROM (WITH "query" AS (WITH bookings AS (SELECT DISTINCT bookings.user_id, CAST(DATE_TRUNC('MONTH', bookings.booked_at) AS DATE) AS month_start FROM curated.bookings AS bookings CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT bookings.is_deleted AND bookings.status IN ('pending', 'confirmed') AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of), users AS (SELECT user_id, MIN(month_start) AS cohort_month FROM bookings GROUP BY user_id), cohorts AS (SELECT cohort_month, COUNT(*) AS cohort_users FROM users GROUP BY cohort_month), active AS (SELECT users.cohort_month, bookings.month_start, COUNT(*) AS active_users FROM bookings INNER JOIN users ON bookings.user_id = users.user_id GROUP BY users.cohort_month, bookings.month_start) SELECT cohorts.cohort_month, CAST(months.month_number - first_months.month_number AS INTEGER) AS months_since, cohorts.cohort_users, COALESCE(active.active_users, 0) AS active_users FROM cohorts CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters INNER JOIN ops.stage_0a1b2c3d_0 AS first_months ON cohorts.cohort_month = first_months.month_start INNER JOIN ops.stage_0a1b2c3d_0 AS months ON cohorts.cohort_month <= months.month_start AND CAST(run_parameters.as_of + INTERVAL '1 DAY' AS DATE) >= months.next_month_start LEFT JOIN active ON cohorts.cohort_month = active.cohort_month AND months.month_start = active.month_start), dividing AS (SELECT CAST(ROUND(ABS("query"."active_users") * CAST(2000000 AS BIGINT), 0) AS BIGINT) + ABS("query"."cohort_users") AS _dividend_1, NULLIF(ABS("query"."cohort_users") * CAST(2 AS BIGINT), 0) AS _divisor_1, CASE WHEN ("query"."active_users" < 0) = ("query"."cohort_users" < 0) THEN 1 ELSE -1 END AS _sign_1, "query".* FROM "query") SELECT "cohort_month", "months_since", "cohort_users", "active_users", CAST(ROUND(CAST(ROUND(CAST((_dividend_1 - _dividend_1 % NULLIF((_divisor_1), 0)) AS DOUBLE PRECISION) / _divisor_1) AS BIGINT) * _sign_1 * 0.000001, 6) AS DECIMAL(9, 6)) AS "retention_rate" FROM dividing) AS result ORDER BY "cohort_month", "months_since"
;

SELECT SUM(CASE WHEN "month_start" IS NULL THEN 1 ELSE 0 END) AS "month_start_not_null", SUM(CASE WHEN "next_month_start" IS NULL THEN 1 ELSE 0 END) AS "next_month_start_not_null", SUM(CASE WHEN "month_number" IS NULL THEN 1 ELSE 0 END) AS "month_number_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "month_start" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "month_start_not_null", CAST(MIN(CASE WHEN "next_month_start" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "next_month_start_not_null", CAST(MIN(CASE WHEN "month_number" IS NULL THEN "month_start" END) AS VARCHAR(MAX)) AS "month_number_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "month_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "month_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT SUM(CASE WHEN "cohort_month" IS NULL THEN 1 ELSE 0 END) AS "cohort_month_not_null", SUM(CASE WHEN "months_since" IS NULL THEN 1 ELSE 0 END) AS "months_since_not_null", SUM(CASE WHEN "cohort_users" IS NULL THEN 1 ELSE 0 END) AS "cohort_users_not_null", SUM(CASE WHEN "active_users" IS NULL THEN 1 ELSE 0 END) AS "active_users_not_null", SUM(CASE WHEN "retention_rate" IS NULL THEN 1 ELSE 0 END) AS "retention_rate_not_null", SUM(CASE WHEN cohort_month <> CAST(DATE_TRUNC('MONTH', cohort_month) AS DATE) THEN 1 ELSE 0 END) AS "month_starts_on_first", SUM(CASE WHEN active_users < 0 OR active_users > cohort_users OR cohort_users <= 0 THEN 1 ELSE 0 END) AS "active_within_cohort", SUM(CASE WHEN months_since = 0 AND active_users <> cohort_users THEN 1 ELSE 0 END) AS "all_active_at_first", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("cohort_month" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("months_since" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "cohort_month", "months_since" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
;

SELECT CAST(MIN(CASE WHEN "cohort_month" IS NULL THEN COALESCE(CAST("cohort_month" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("months_since" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "cohort_month_not_null", CAST(MIN(CASE WHEN "months_since" IS NULL THEN COALESCE(CAST("cohort_month" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("months_since" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "months_since_not_null", CAST(MIN(CASE WHEN "cohort_users" IS NULL THEN COALESCE(CAST("cohort_month" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("months_since" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "cohort_users_not_null", CAST(MIN(CASE WHEN "active_users" IS NULL THEN COALESCE(CAST("cohort_month" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("months_since" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "active_users_not_null", CAST(MIN(CASE WHEN "retention_rate" IS NULL THEN COALESCE(CAST("cohort_month" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("months_since" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "retention_rate_not_null", CAST(MIN(CASE WHEN cohort_month <> CAST(DATE_TRUNC('MONTH', cohort_month) AS DATE) THEN COALESCE(CAST("cohort_month" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("months_since" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "month_starts_on_first", CAST(MIN(CASE WHEN active_users < 0 OR active_users > cohort_users OR cohort_users <= 0 THEN COALESCE(CAST("cohort_month" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("months_since" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "active_within_cohort", CAST(MIN(CASE WHEN months_since = 0 AND active_users <> cohort_users THEN COALESCE(CAST("cohort_month" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("months_since" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "all_active_at_first", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("cohort_month" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("months_since" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "cohort_month", "months_since" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
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

INSERT INTO "intermediate"."months" ("month_start", "next_month_start", "month_number") SELECT "month_start", "next_month_start", "month_number" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "presentation"."customer_cohorts_monthly" (
    "cohort_month" DATE NOT NULL,
    "months_since" INTEGER NOT NULL,
    "cohort_users" BIGINT NOT NULL,
    "active_users" BIGINT NOT NULL,
    "retention_rate" DECIMAL(9,6) NOT NULL,
    PRIMARY KEY ("cohort_month", "months_since")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("cohort_month", "months_since")
;

INSERT INTO "presentation"."customer_cohorts_monthly" ("cohort_month", "months_since", "cohort_users", "active_users", "retention_rate") SELECT "cohort_month", "months_since", "cohort_users", "active_users", "retention_rate" FROM "ops"."stage_0a1b2c3d_1"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

DROP TABLE "presentation"."customer_cohorts_monthly"
;

DELETE FROM "presentation"."customer_cohorts_monthly"
;

COMMENT ON TABLE "presentation"."customer_cohorts_monthly" IS 'A user''s cohort is the month (UTC) of the first kept booking, pending or confirmed. Active users of a later month are those of the cohort who made a kept booking in it; months_since 0 is the cohort''s own month, in which all are active. Retention is active users divided by users of the cohort, rounded to six decimals, half up. Months that are not over by the end of the last day the numbers include are left out, and so are cohorts of before the calendar. Bookings made after that day do not count.'
;

COMMENT ON COLUMN "presentation"."customer_cohorts_monthly"."cohort_month" IS 'First day of the month of the users'' first kept booking'
;

COMMENT ON COLUMN "presentation"."customer_cohorts_monthly"."months_since" IS 'Months from the cohort''s month to the one that is counted'
;

COMMENT ON COLUMN "presentation"."customer_cohorts_monthly"."cohort_users" IS 'Users of the cohort'
;

COMMENT ON COLUMN "presentation"."customer_cohorts_monthly"."active_users" IS 'Of these the ones with a kept booking in the month counted'
;

COMMENT ON COLUMN "presentation"."customer_cohorts_monthly"."retention_rate" IS 'Active users divided by users of the cohort'
;

