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
WHERE table_schema IN ('raw_data', 'curated', 'intermediate', 'presentation', 'ops')
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
WHERE spaces.nspname IN ('raw_data', 'curated', 'intermediate', 'presentation', 'ops')
;

SELECT
    spaces.nspname AS schema_name,
    tables.relname AS table_name,
    PG_GET_CONSTRAINTDEF(keys.oid) AS definition
FROM pg_catalog.pg_constraint AS keys
INNER JOIN pg_catalog.pg_class AS tables ON keys.conrelid = tables.oid
INNER JOIN pg_catalog.pg_namespace AS spaces ON tables.relnamespace = spaces.oid
WHERE keys.contype = 'p' AND spaces.nspname IN ('raw_data', 'curated', 'intermediate', 'presentation', 'ops')
;

SELECT nspname AS schema_name
FROM pg_catalog.pg_namespace
WHERE nspname IN ('raw_data', 'curated', 'intermediate', 'presentation', 'ops')
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
ORDER BY COALESCE(sequence, 0) DESC, loaded_at DESC, run_id DESC
LIMIT 1
;

SELECT lake_id, url, COALESCE(sequence, 0) AS sequence
FROM ops.lakes
ORDER BY COALESCE(sequence, 0) DESC, adopted_at DESC, run_id DESC
LIMIT 1
;

SELECT COUNT(*) AS attempts FROM ops.steps
WHERE run_id = 'first' AND step = 'extract' AND started_at <> TIMESTAMP '2024-03-05 01:02:03.456789'
;

UPDATE ops.runs
SET status = 'failed', finished_at = TIMESTAMP '2024-03-05 01:02:03.456789', error = 'it''s over'
WHERE status = 'running'
;

SELECT CASE WHEN NOT MAX(day) IS NULL THEN MAX(day) WHEN SUM(moments) > 0 THEN CAST('2026-03-01' AS DATE) END AS newest_day FROM (SELECT MAX(CASE WHEN CAST(booked_at AS DATE) <= CAST('2026-03-01' AS DATE) THEN CAST(booked_at AS DATE) END) AS day, COUNT(booked_at) AS moments FROM curated.bookings WHERE NOT is_deleted UNION ALL SELECT MAX(CASE WHEN CAST(viewed_at AS DATE) <= CAST('2026-03-01' AS DATE) THEN CAST(viewed_at AS DATE) END) AS day, COUNT(viewed_at) AS moments FROM curated.viewings UNION ALL SELECT MAX(CASE WHEN CAST(modified_at AS DATE) <= CAST('2026-03-01' AS DATE) THEN CAST(modified_at AS DATE) END) AS day, COUNT(modified_at) AS moments FROM curated.listings WHERE NOT is_deleted) AS days
;

SELECT started_at FROM ops.steps WHERE run_id = 'first'
;

SELECT finished_at, lake_records FROM ops.runs WHERE run_id = 'first'
;

SELECT run_id FROM ops.runs WHERE sequence IS NULL AND follows >= 3
;

SELECT 1 AS found FROM "raw_data"."bookings" WHERE NOT "booking_id" IS NULL LIMIT 1
;

SELECT table_name, run_id FROM ops.freshness
;

SELECT COALESCE(reporting_currency, 'USD') AS currency FROM ops.loads WHERE step = 'load-curated' ORDER BY sequence DESC NULLS LAST LIMIT 1
;

SELECT MIN(CAST(booked_at AS DATE)) AS first_day FROM curated.bookings WHERE NOT is_deleted
;

SELECT 0 AS place, COUNT(*) AS staged_rows, 0 AS doubled_keys FROM "ops"."stage_0a1b2c3d_0" UNION ALL SELECT 1 AS place, COUNT(*) AS staged_rows, (SELECT COUNT(*) FROM (SELECT 1 AS doubled FROM "ops"."stage_0a1b2c3d_1" GROUP BY "id" HAVING COUNT(*) > 1) AS doubled_keys) AS doubled_keys FROM "ops"."stage_0a1b2c3d_1"
;

SELECT metric, "period", "value" FROM (SELECT 1 AS place, 'Average price of an active listing, per night' AS metric, 'week of ' || CAST("week_start" AS VARCHAR(MAX)) AS "period", CAST("average_price" AS VARCHAR(MAX)) || ' ' || "currency" AS "value" FROM "presentation"."average_listing_price_weekly" WHERE "week_start" = (SELECT CAST(CAST(DATE_TRUNC('WEEK', as_of + 1) AS DATE) - 7 AS DATE) FROM ops.run_parameters) UNION ALL SELECT 2 AS place, 'Occupancy, share of available nights that were booked' AS metric, 'month of ' || CAST("month_start" AS VARCHAR(MAX)) AS "period", CAST(CAST(ROUND(100 * "occupancy_rate", 1) AS DECIMAL(9, 1)) AS VARCHAR(MAX)) || ' %' AS "value" FROM "presentation"."occupancy_rate_monthly" WHERE "month_start" = (SELECT CAST(CAST(DATE_TRUNC('MONTH', as_of + 1) AS DATE) - INTERVAL '1 MONTH' AS DATE) FROM ops.run_parameters) UNION ALL SELECT 3 AS place, 'Most booked city' AS metric, 'week of ' || CAST("week_start" AS VARCHAR(MAX)) AS "period", "city" || ', ' || CAST("bookings" AS VARCHAR(MAX)) || ' bookings' AS "value" FROM "presentation"."popular_locations_weekly" WHERE "week_start" = (SELECT CAST(CAST(DATE_TRUNC('WEEK', as_of + 1) AS DATE) - 7 AS DATE) FROM ops.run_parameters) AND (location_rank = 1) UNION ALL SELECT 4 AS place, 'Top listing by confirmed revenue' AS metric, 'week of ' || CAST("week_start" AS VARCHAR(MAX)) AS "period", COALESCE("title", 'listing ' || CAST("listing_id" AS VARCHAR(MAX))) || ', ' || CAST("confirmed_revenue" AS VARCHAR(MAX)) || ' ' || "currency" AS "value" FROM "presentation"."top_listings_weekly" WHERE "week_start" = (SELECT CAST(CAST(DATE_TRUNC('WEEK', as_of + 1) AS DATE) - 7 AS DATE) FROM ops.run_parameters) AND (revenue_rank = 1) UNION ALL SELECT 5 AS place, 'Bookings, and users who made them' AS metric, 'week of ' || CAST("week_start" AS VARCHAR(MAX)) AS "period", CAST(SUM("bookings") AS VARCHAR(MAX)) || ' by ' || CAST(COUNT("user_id") AS VARCHAR(MAX)) || ' users' AS "value" FROM "presentation"."bookings_per_user_weekly" WHERE "week_start" = (SELECT CAST(CAST(DATE_TRUNC('WEEK', as_of + 1) AS DATE) - 7 AS DATE) FROM ops.run_parameters) AND (bookings > 0) GROUP BY "week_start" UNION ALL SELECT 6 AS place, 'Average stay, nights' AS metric, 'check-ins in month of ' || CAST("month_start" AS VARCHAR(MAX)) AS "period", CAST("average_stay_nights" AS VARCHAR(MAX)) AS "value" FROM "presentation"."booking_duration_monthly" WHERE "month_start" = (SELECT CAST(CAST(DATE_TRUNC('MONTH', as_of + 1) AS DATE) - INTERVAL '1 MONTH' AS DATE) FROM ops.run_parameters) UNION ALL SELECT 7 AS place, 'Customers of the last 30 days who booked twice or more' AS metric, 'to ' || CAST("calendar_date" AS VARCHAR(MAX)) AS "period", CAST(CAST(ROUND(100 * "repeat_customer_rate", 1) AS DECIMAL(9, 1)) AS VARCHAR(MAX)) || ' %' AS "value" FROM "presentation"."repeat_customer_rate_daily" WHERE "calendar_date" = (SELECT as_of FROM ops.run_parameters) UNION ALL SELECT 8 AS place, 'Revenue of the nights stayed' AS metric, 'month of ' || CAST("month_start" AS VARCHAR(MAX)) AS "period", CAST("revenue" AS VARCHAR(MAX)) || ' ' || "currency" AS "value" FROM "presentation"."stay_revenue_monthly" WHERE "month_start" = (SELECT CAST(CAST(DATE_TRUNC('MONTH', as_of + 1) AS DATE) - INTERVAL '1 MONTH' AS DATE) FROM ops.run_parameters) UNION ALL SELECT 9 AS place, 'Active listings, and those that came new' AS metric, 'week of ' || CAST("week_start" AS VARCHAR(MAX)) AS "period", CAST("active_listings" AS VARCHAR(MAX)) || ', ' || CAST("new_listings" AS VARCHAR(MAX)) || ' new' AS "value" FROM "presentation"."listing_supply_weekly" WHERE "week_start" = (SELECT CAST(CAST(DATE_TRUNC('WEEK', as_of + 1) AS DATE) - 7 AS DATE) FROM ops.run_parameters) UNION ALL SELECT 10 AS place, 'Value of the bookings made, less what was canceled' AS metric, 'week of ' || CAST("week_start" AS VARCHAR(MAX)) AS "period", CAST("net_booking_value" AS VARCHAR(MAX)) || ' ' || "currency" AS "value" FROM "presentation"."gross_booking_value_weekly" WHERE "week_start" = (SELECT CAST(CAST(DATE_TRUNC('WEEK', as_of + 1) AS DATE) - 7 AS DATE) FROM ops.run_parameters) UNION ALL SELECT 11 AS place, 'Bookings of the week that are canceled' AS metric, 'week of ' || CAST("week_start" AS VARCHAR(MAX)) AS "period", CAST(CAST(ROUND(100 * "cancellation_rate", 1) AS DECIMAL(9, 1)) AS VARCHAR(MAX)) || ' %' AS "value" FROM "presentation"."cancellation_rate_weekly" WHERE "week_start" = (SELECT CAST(CAST(DATE_TRUNC('WEEK', as_of + 1) AS DATE) - 7 AS DATE) FROM ops.run_parameters) UNION ALL SELECT 12 AS place, 'Days from booking to check-in, median' AS metric, 'month of ' || CAST("month_start" AS VARCHAR(MAX)) AS "period", CAST("median_lead_days" AS VARCHAR(MAX)) AS "value" FROM "presentation"."booking_lead_time_monthly" WHERE "month_start" = (SELECT CAST(CAST(DATE_TRUNC('MONTH', as_of + 1) AS DATE) - INTERVAL '1 MONTH' AS DATE) FROM ops.run_parameters) UNION ALL SELECT 13 AS place, 'First views that led to a booking so far' AS metric, 'week of ' || CAST("week_start" AS VARCHAR(MAX)) AS "period", CAST(CAST(ROUND(100 * "booking_rate", 1) AS DECIMAL(9, 1)) AS VARCHAR(MAX)) || ' %' AS "value" FROM "presentation"."conversion_funnel_weekly" WHERE "week_start" = (SELECT CAST(CAST(DATE_TRUNC('WEEK', as_of + 1) AS DATE) - 7 AS DATE) FROM ops.run_parameters)) AS headlines ORDER BY place
;

SELECT table_name, read_mode, watermark, run_id FROM ops.freshness ORDER BY table_name
;

WITH loaded AS (SELECT MAX(runs.sequence) AS sequence, MAX(loads.loaded_at) AS loaded_at FROM ops.loads AS loads INNER JOIN ops.runs AS runs ON loads.run_id = runs.run_id WHERE loads.step = 'load-curated'), bounds AS (SELECT MAX(loaded.loaded_at) AS loaded_at, MAX(proofs.window_upper) AS upper_bound FROM loaded LEFT JOIN ops.runs AS runs ON loaded.sequence >= runs.sequence LEFT JOIN ops.proofs AS proofs ON runs.run_id = proofs.run_id) SELECT MAX(events.booked_at) AS newest_event FROM curated.bookings AS events CROSS JOIN bounds WHERE events.booked_at <= COALESCE(bounds.upper_bound, bounds.loaded_at)
;

SELECT table_name, extracted, curated, superseded, rejected FROM ops.row_accounting WHERE run_id = 'first' ORDER BY table_name
;

SELECT table_name, check_name, severity, failed_rows, sample FROM ops.check_results WHERE run_id = 'first' AND failed_rows > 0 ORDER BY table_name, check_name
;

SELECT step, status, attempt, CAST(seconds AS DOUBLE PRECISION) AS seconds, rows_in, rows_out, bytes, error FROM ops.steps WHERE run_id = 'first' ORDER BY attempt
;

WITH runs AS (SELECT runs.*, CAST(NULL AS DATE) AS backfill_from FROM ops.runs AS runs), rejections AS (SELECT run_id, CAST(SUM(rejected) AS BIGINT) AS rejected FROM ops.row_accounting GROUP BY run_id) SELECT runs.run_id, runs.status, CASE WHEN runs.sequence IS NULL THEN 'not begun' WHEN NOT runs.backfill_from IS NULL THEN 'backfill ' || CAST(runs.backfill_from AS VARCHAR(MAX)) || ' to ' || CAST(runs.backfill_to AS VARCHAR(MAX)) WHEN runs.full_refresh THEN 'full refresh' ELSE 'changes' END AS kind, runs.started_at, CAST(DATEDIFF(SECOND, runs.started_at, runs.finished_at) AS INTEGER) AS seconds, runs.as_of, rejections.rejected, runs.engine, runs.full_refresh, runs.backfill_from, runs.backfill_to, runs.error, runs.reason, runs.sequence, runs.follows FROM runs LEFT JOIN rejections ON runs.run_id = rejections.run_id WHERE 'first' IN ('', runs.run_id) ORDER BY COALESCE(runs.sequence, runs.follows) DESC NULLS LAST, CASE WHEN runs.sequence IS NULL THEN 1 ELSE 0 END DESC NULLS LAST, runs.started_at DESC NULLS LAST LIMIT 21
;

SELECT table_name FROM information_schema.tables WHERE table_schema = 'presentation'
;

SELECT table_name, watermark FROM ops.freshness ORDER BY table_name
;

SELECT run_parameters.as_of, run_parameters.reporting_currency, runs.run_id, runs.finished_at FROM ops.run_parameters LEFT JOIN ops.runs ON run_parameters.run_id = runs.run_id
;

SELECT run_id, status, finished_at FROM ops.runs WHERE NOT sequence IS NULL ORDER BY sequence DESC NULLS LAST LIMIT 1
;

SELECT row_accounting.table_name, row_accounting.extracted, row_accounting.curated, row_accounting.superseded, row_accounting.rejected FROM ops.row_accounting INNER JOIN ops.run_parameters ON row_accounting.run_id = run_parameters.run_id ORDER BY row_accounting.table_name
;

