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
    "calendar_date" DATE,
    "customers" BIGINT,
    "repeat_customers" BIGINT,
    "repeat_customer_rate" DECIMAL(9,6)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("calendar_date", "customers", "repeat_customers", "repeat_customer_rate") SELECT CAST("calendar_date" AS DATE) AS "calendar_date", CAST("customers" AS BIGINT) AS "customers", CAST("repeat_customers" AS BIGINT) AS "repeat_customers", CAST(ROUND("repeat_customer_rate", 6) AS DECIMAL(9, 6)) AS "repeat_customer_rate" FROM (WITH "query" AS (WITH calendar AS (SELECT calendar.calendar_date FROM curated.calendar AS calendar CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE calendar.calendar_date <= run_parameters.as_of AND calendar.calendar_date >= (SELECT CAST(MIN(booked_at) AS DATE) AS first_date FROM curated.bookings WHERE NOT is_deleted)), kept_bookings /* A booking counts on the 30 days before its expiry_date. */ AS (SELECT user_id, CAST(CAST(booked_at AS DATE) + INTERVAL '30 DAY' AS DATE) AS expiry_date, GREATEST(CAST(booked_at AS DATE), (SELECT MIN(calendar_date) FROM calendar)) AS start_date FROM curated.bookings WHERE NOT is_deleted AND status IN ('pending', 'confirmed')), booking_sequences AS (SELECT start_date, expiry_date, LAG(expiry_date, 1) OVER (PARTITION BY user_id ORDER BY expiry_date) AS previous_expiry_date, LAG(expiry_date, 2) OVER (PARTITION BY user_id ORDER BY expiry_date) AS second_previous_expiry_date FROM kept_bookings), added_days /* A booking adds a customer on the days that the one before it does not cover, and a repeat customer on the */ /* days that the one before it covers but the one before that does not. */ AS (SELECT 1 AS customers, 0 AS repeat_customers, expiry_date AS end_date, GREATEST(start_date, COALESCE(previous_expiry_date, start_date)) AS added_from FROM booking_sequences UNION ALL SELECT 0 AS customers, 1 AS repeat_customers, previous_expiry_date AS end_date, GREATEST(start_date, COALESCE(second_previous_expiry_date, start_date)) AS added_from FROM booking_sequences), customer_changes AS (SELECT added_from AS change_date, customers, repeat_customers FROM added_days WHERE added_from < end_date UNION ALL SELECT end_date AS change_date, -customers AS customers, -repeat_customers AS repeat_customers FROM added_days WHERE added_from < end_date) SELECT calendar.calendar_date, CAST(SUM(SUM(COALESCE(changes.customers, 0))) OVER (ORDER BY calendar.calendar_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS customers, CAST(SUM(SUM(COALESCE(changes.repeat_customers, 0))) OVER (ORDER BY calendar.calendar_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS repeat_customers FROM calendar LEFT JOIN customer_changes AS changes ON calendar.calendar_date = changes.change_date GROUP BY calendar.calendar_date), dividing AS (SELECT CAST(ROUND(ABS("query"."repeat_customers") * CAST(2000000 AS BIGINT), 0) AS BIGINT) + ABS("query"."customers") AS _dividend_1, NULLIF(ABS("query"."customers") * CAST(2 AS BIGINT), 0) AS _divisor_1, CASE WHEN ("query"."repeat_customers" < 0) = ("query"."customers" < 0) THEN 1 ELSE -1 END AS _sign_1, "query".* FROM "query") SELECT "calendar_date", "customers", "repeat_customers", CAST(ROUND(CAST(ROUND(CAST((_dividend_1 - _dividend_1 % NULLIF((_divisor_1), 0)) AS DOUBLE PRECISION) / _divisor_1) AS BIGINT) * _sign_1 * 0.000001, 6) AS DECIMAL(9, 6)) AS "repeat_customer_rate" FROM dividing) AS result ORDER BY "calendar_date"
;

SELECT SUM(CASE WHEN "calendar_date" IS NULL THEN 1 ELSE 0 END) AS "calendar_date_not_null", SUM(CASE WHEN "customers" IS NULL THEN 1 ELSE 0 END) AS "customers_not_null", SUM(CASE WHEN "repeat_customers" IS NULL THEN 1 ELSE 0 END) AS "repeat_customers_not_null", SUM(CASE WHEN "repeat_customer_rate" < 0 OR "repeat_customer_rate" > 1 THEN 1 ELSE 0 END) AS "rate_within_bounds", SUM(CASE WHEN customers < 0 OR repeat_customers < 0 THEN 1 ELSE 0 END) AS "customers_not_negative", SUM(CASE WHEN repeat_customers > customers THEN 1 ELSE 0 END) AS "repeat_within_customers", SUM(CASE WHEN (repeat_customer_rate IS NULL AND customers > 0) OR (NOT repeat_customer_rate IS NULL AND customers = 0) THEN 1 ELSE 0 END) AS "rate_only_without_customers_missing", SUM(CASE WHEN ABS(repeat_customer_rate * customers - repeat_customers) > 0.0000005 * customers THEN 1 ELSE 0 END) AS "rate_is_repeat_by_customers", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "calendar_date" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "calendar_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "calendar_date" IS NULL THEN "calendar_date" END) AS VARCHAR(MAX)) AS "calendar_date_not_null", CAST(MIN(CASE WHEN "customers" IS NULL THEN "calendar_date" END) AS VARCHAR(MAX)) AS "customers_not_null", CAST(MIN(CASE WHEN "repeat_customers" IS NULL THEN "calendar_date" END) AS VARCHAR(MAX)) AS "repeat_customers_not_null", CAST(MIN(CASE WHEN "repeat_customer_rate" < 0 OR "repeat_customer_rate" > 1 THEN "calendar_date" END) AS VARCHAR(MAX)) AS "rate_within_bounds", CAST(MIN(CASE WHEN customers < 0 OR repeat_customers < 0 THEN "calendar_date" END) AS VARCHAR(MAX)) AS "customers_not_negative", CAST(MIN(CASE WHEN repeat_customers > customers THEN "calendar_date" END) AS VARCHAR(MAX)) AS "repeat_within_customers", CAST(MIN(CASE WHEN (repeat_customer_rate IS NULL AND customers > 0) OR (NOT repeat_customer_rate IS NULL AND customers = 0) THEN "calendar_date" END) AS VARCHAR(MAX)) AS "rate_only_without_customers_missing", CAST(MIN(CASE WHEN ABS(repeat_customer_rate * customers - repeat_customers) > 0.0000005 * customers THEN "calendar_date" END) AS VARCHAR(MAX)) AS "rate_is_repeat_by_customers", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "calendar_date" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "calendar_date" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "presentation"."repeat_customer_rate_daily" (
    "calendar_date" DATE NOT NULL,
    "customers" BIGINT NOT NULL,
    "repeat_customers" BIGINT NOT NULL,
    "repeat_customer_rate" DECIMAL(9,6),
    PRIMARY KEY ("calendar_date")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("calendar_date")
;

INSERT INTO "presentation"."repeat_customer_rate_daily" ("calendar_date", "customers", "repeat_customers", "repeat_customer_rate") SELECT "calendar_date", "customers", "repeat_customers", "repeat_customer_rate" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "presentation"."repeat_customer_rate_daily"
;

DELETE FROM "presentation"."repeat_customer_rate_daily"
;

COMMENT ON TABLE "presentation"."repeat_customer_rate_daily" IS 'Of the users who made at least one booking in the 30 days ending that day, that day included (UTC, by the moment of booking), the share who made at least two. Pending and confirmed bookings count, canceled ones do not; two bookings on one day are two. Shown for every day from the first booking of any status to the last day the numbers include; on a day without customers in its 30 days the rate is empty. The rate is rounded to six decimals, half up.'
;

COMMENT ON COLUMN "presentation"."repeat_customer_rate_daily"."calendar_date" IS 'Last day of the 30 days'
;

COMMENT ON COLUMN "presentation"."repeat_customer_rate_daily"."customers" IS 'Users with at least one booking in the 30 days'
;

COMMENT ON COLUMN "presentation"."repeat_customer_rate_daily"."repeat_customers" IS 'Users with at least two bookings in the 30 days'
;

COMMENT ON COLUMN "presentation"."repeat_customer_rate_daily"."repeat_customer_rate" IS 'Repeat customers divided by customers; NULL without customers'
;

SELECT "calendar_date", "repeat_customer_rate" FROM "presentation"."repeat_customer_rate_daily" ORDER BY "calendar_date"
;

