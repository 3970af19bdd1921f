SELECT
    table_schema AS schema_name,
    table_name AS table_name,
    column_name AS column_name,
    data_type AS data_type,
    character_maximum_length AS max_bytes,
    numeric_precision AS digits,
    numeric_scale AS scale,
    is_nullable AS is_nullable
FROM information_schema.columns
WHERE table_schema IN ('raw_data', 'curated', 'presentation', 'ops')
ORDER BY table_schema, table_name, ordinal_position
;

SELECT
    spaces.nspname AS schema_name,
    tables.relname AS table_name,
    columns.attname AS column_name,
    comments.description AS description
FROM pg_catalog.pg_description AS comments
INNER JOIN pg_catalog.pg_class AS tables ON comments.objoid = tables.oid
INNER JOIN pg_catalog.pg_namespace AS spaces ON tables.relnamespace = spaces.oid
LEFT JOIN pg_catalog.pg_attribute AS columns
    ON comments.objoid = columns.attrelid AND comments.objsubid = columns.attnum AND columns.attnum > 0
WHERE spaces.nspname IN ('raw_data', 'curated', 'presentation', 'ops')
;

SELECT
    spaces.nspname AS schema_name,
    tables.relname AS table_name,
    PG_GET_CONSTRAINTDEF(keys.oid) AS definition
FROM pg_catalog.pg_constraint AS keys
INNER JOIN pg_catalog.pg_class AS tables ON keys.conrelid = tables.oid
INNER JOIN pg_catalog.pg_namespace AS spaces ON tables.relnamespace = spaces.oid
WHERE keys.contype = 'p' AND spaces.nspname IN ('raw_data', 'curated', 'presentation', 'ops')
;

SELECT nspname AS schema_name
FROM pg_catalog.pg_namespace
WHERE nspname IN ('raw_data', 'curated', 'presentation', 'ops')
;

SELECT
    COUNT("booking_id") AS "booking_id",
    COUNT("status") AS "status"
FROM "curated"."bookings"
;

SELECT
    file_name,
    column_name,
    column_type,
    error_message
FROM sys_load_error_detail
WHERE
    session_id = 1234
    AND start_time >= TIMESTAMP '2024-03-05 01:01:03.456789'
ORDER BY start_time DESC
LIMIT 5
;

SELECT 1 AS is_loaded FROM ops.loads WHERE step = 'load-raw' AND manifest_hash = '0000000000000000000000000000000000000000000000000000000000000000'
;

SELECT manifest_hash
FROM ops.loads
WHERE step = 'load-raw'
ORDER BY loaded_at DESC, run_id DESC
LIMIT 1
;

SELECT lake_id, url
FROM ops.lakes
ORDER BY adopted_at DESC, run_id DESC
LIMIT 1
;

SELECT COUNT(*) AS attempts FROM ops.steps
WHERE run_id = 'first' AND step = 'extract' AND started_at <> TIMESTAMP '2024-03-05 01:02:03.456789'
;

UPDATE ops.runs
SET status = 'failed', finished_at = TIMESTAMP '2024-03-05 01:02:03.456789', error = 'it''s over'
WHERE status = 'running'
;

SELECT MAX(day) AS newest_day FROM (SELECT MAX(CAST(booked_at AS DATE)) AS day FROM curated.bookings WHERE NOT is_deleted UNION ALL SELECT MAX(CAST(viewed_at AS DATE)) AS day FROM curated.viewings UNION ALL SELECT MAX(CAST(modified_at AS DATE)) AS day FROM curated.listings WHERE NOT is_deleted) AS days
;

SELECT started_at FROM ops.steps WHERE run_id = 'first'
;

SELECT finished_at FROM ops.runs WHERE run_id = 'first'
;

SELECT 1 AS found FROM "raw_data"."bookings" WHERE NOT "booking_id" IS NULL LIMIT 1
;

SELECT table_name, watermark FROM ops.freshness
;

SELECT 0 AS place, COUNT(*) AS staged_rows, 0 AS doubled_keys FROM "ops"."stage_0a1b2c3d_0" UNION ALL SELECT 1 AS place, COUNT(*) AS staged_rows, (SELECT COUNT(*) FROM (SELECT 1 AS doubled FROM "ops"."stage_0a1b2c3d_1" GROUP BY "id" HAVING COUNT(*) > 1) AS doubled_keys) AS doubled_keys FROM "ops"."stage_0a1b2c3d_1"
;

SELECT MIN(CAST(booked_at AS DATE)) AS first_day FROM curated.bookings WHERE NOT is_deleted
;

SELECT table_name, read_mode, watermark, run_id FROM ops.freshness ORDER BY table_name
;

WITH periods AS (SELECT as_of, CAST(CAST(DATE_TRUNC('WEEK', as_of + 1) AS DATE) - 7 AS DATE) AS whole_week, CAST(CAST(DATE_TRUNC('MONTH', as_of + 1) AS DATE) - INTERVAL '1 MONTH' AS DATE) AS whole_month FROM ops.run_parameters), users AS (SELECT week_start, COUNT(*) AS users, SUM(bookings) AS bookings FROM presentation.bookings_per_user_weekly WHERE bookings > 0 GROUP BY week_start) SELECT 'Average price of an active listing, USD per night' AS metric, 'week of ' || CAST(weekly.week_start AS VARCHAR(MAX)) AS "period", CAST(weekly.average_price_usd AS VARCHAR(MAX)) AS "value" FROM presentation.average_listing_price_weekly AS weekly INNER JOIN periods ON weekly.week_start = periods.whole_week UNION ALL SELECT 'Occupancy, share of available nights that were booked', 'month of ' || CAST(monthly.month_start AS VARCHAR(MAX)), CAST(CAST(ROUND(100 * monthly.occupancy_rate, 1) AS DECIMAL(9, 1)) AS VARCHAR(MAX)) || ' %' FROM presentation.occupancy_rate_monthly AS monthly INNER JOIN periods ON monthly.month_start = periods.whole_month UNION ALL SELECT 'Most booked city', 'week of ' || CAST(weekly.week_start AS VARCHAR(MAX)), weekly.city || ', ' || CAST(weekly.bookings AS VARCHAR(MAX)) || ' bookings' FROM presentation.popular_locations_weekly AS weekly INNER JOIN periods ON weekly.week_start = periods.whole_week WHERE weekly.location_rank = 1 UNION ALL SELECT 'Top listing by confirmed revenue', 'week of ' || CAST(weekly.week_start AS VARCHAR(MAX)), COALESCE(weekly.title, 'listing ' || CAST(weekly.listing_id AS VARCHAR(MAX))) || ', ' || CAST(weekly.confirmed_revenue_usd AS VARCHAR(MAX)) || ' USD' FROM presentation.top_listings_weekly AS weekly INNER JOIN periods ON weekly.week_start = periods.whole_week WHERE weekly.revenue_rank = 1 UNION ALL SELECT 'Bookings, and users who made them', 'week of ' || CAST(users.week_start AS VARCHAR(MAX)), CAST(users.bookings AS VARCHAR(MAX)) || ' by ' || CAST(users.users AS VARCHAR(MAX)) || ' users' FROM users INNER JOIN periods ON users.week_start = periods.whole_week UNION ALL SELECT 'Average stay, nights', 'check-ins in month of ' || CAST(monthly.month_start AS VARCHAR(MAX)), CAST(monthly.average_stay_nights AS VARCHAR(MAX)) FROM presentation.booking_duration_monthly AS monthly INNER JOIN periods ON monthly.month_start = periods.whole_month UNION ALL SELECT 'Customers of the last 30 days who booked twice or more', 'to ' || CAST(daily.calendar_date AS VARCHAR(MAX)), CAST(CAST(ROUND(100 * daily.repeat_customer_rate, 1) AS DECIMAL(9, 1)) AS VARCHAR(MAX)) || ' %' FROM presentation.repeat_customer_rate_daily AS daily INNER JOIN periods ON daily.calendar_date = periods.as_of
;

SELECT table_name, extracted, curated, superseded, rejected FROM ops.row_accounting WHERE run_id = 'first' ORDER BY table_name
;

SELECT table_name, check_name, severity, failed_rows, sample FROM ops.check_results WHERE run_id = 'first' AND failed_rows > 0 ORDER BY table_name, check_name
;

SELECT step, status, attempt, CAST(seconds AS DOUBLE PRECISION) AS seconds, rows_in, rows_out, bytes, error FROM ops.steps WHERE run_id = 'first' ORDER BY started_at
;

WITH runs AS (SELECT runs.*, CAST(NULL AS DATE) AS backfill_from FROM ops.runs AS runs), rejections AS (SELECT run_id, CAST(SUM(rejected) AS BIGINT) AS rejected FROM ops.row_accounting GROUP BY run_id) SELECT runs.run_id, runs.status, CASE WHEN NOT runs.backfill_from IS NULL THEN 'backfill ' || CAST(runs.backfill_from AS VARCHAR(MAX)) || ' to ' || CAST(runs.backfill_to AS VARCHAR(MAX)) WHEN runs.full_refresh THEN 'full refresh' ELSE 'changes' END AS kind, runs.started_at, CAST(DATEDIFF(SECOND, runs.started_at, runs.finished_at) AS INTEGER) AS seconds, runs.as_of, rejections.rejected, runs.engine, runs.full_refresh, runs.backfill_from, runs.backfill_to, runs.error FROM runs LEFT JOIN rejections ON runs.run_id = rejections.run_id WHERE 'first' IN ('', runs.run_id) ORDER BY runs.sequence DESC NULLS LAST LIMIT 21
;

SELECT week_start, average_price_usd FROM presentation.average_listing_price_weekly ORDER BY week_start
;

SELECT month_start, average_stay_nights FROM presentation.booking_duration_monthly ORDER BY month_start
;

SELECT week_start, CAST(SUM(bookings) AS BIGINT) AS bookings FROM presentation.bookings_per_user_weekly GROUP BY week_start ORDER BY week_start
;

SELECT table_name FROM information_schema.tables WHERE table_schema = 'presentation'
;

SELECT table_name, watermark FROM ops.freshness ORDER BY table_name
;

SELECT run_parameters.as_of, runs.run_id, runs.finished_at FROM ops.run_parameters LEFT JOIN ops.runs ON run_parameters.run_id = runs.run_id
;

SELECT run_id, status, finished_at FROM ops.runs ORDER BY sequence DESC NULLS LAST LIMIT 1
;

SELECT month_start, occupancy_rate FROM presentation.occupancy_rate_monthly ORDER BY month_start
;

SELECT weekly.location_rank AS place, weekly.city, weekly.state, weekly.bookings, weekly.confirmed_bookings FROM presentation.popular_locations_weekly AS weekly CROSS JOIN ops.run_parameters WHERE weekly.location_rank <= 10 AND weekly.week_start = CAST(DATE_TRUNC('WEEK', run_parameters.as_of + 1) AS DATE) - 7 ORDER BY weekly.location_rank
;

SELECT calendar_date, repeat_customer_rate FROM presentation.repeat_customer_rate_daily ORDER BY calendar_date
;

SELECT row_accounting.table_name, row_accounting.extracted, row_accounting.curated, row_accounting.superseded, row_accounting.rejected FROM ops.row_accounting INNER JOIN ops.run_parameters ON row_accounting.run_id = run_parameters.run_id ORDER BY row_accounting.table_name
;

SELECT weekly.revenue_rank AS place, weekly.listing_id, weekly.title, weekly.city, weekly.state, weekly.confirmed_bookings, weekly.confirmed_revenue_usd FROM presentation.top_listings_weekly AS weekly CROSS JOIN ops.run_parameters WHERE weekly.revenue_rank <= 10 AND weekly.week_start = CAST(DATE_TRUNC('WEEK', run_parameters.as_of + 1) AS DATE) - 7 ORDER BY weekly.revenue_rank
;

