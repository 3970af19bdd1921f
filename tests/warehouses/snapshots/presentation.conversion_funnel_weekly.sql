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
    "week_start" DATE,
    "viewers" BIGINT,
    "wishlisters" BIGINT,
    "bookers" BIGINT,
    "wishlist_rate" DECIMAL(9,6),
    "booking_rate" DECIMAL(9,6),
    "open_viewers" BIGINT
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("week_start", "viewers", "wishlisters", "bookers", "wishlist_rate", "booking_rate", "open_viewers") SELECT CAST("week_start" AS DATE) AS "week_start", CAST("viewers" AS BIGINT) AS "viewers", CAST("wishlisters" AS BIGINT) AS "wishlisters", CAST("bookers" AS BIGINT) AS "bookers", CAST(ROUND("wishlist_rate", 6) AS DECIMAL(9, 6)) AS "wishlist_rate", CAST(ROUND("booking_rate", 6) AS DECIMAL(9, 6)) AS "booking_rate", CAST("open_viewers" AS BIGINT) AS "open_viewers" FROM (WITH "query" AS (WITH first_viewings AS (SELECT viewings.user_id, viewings.listing_id, MIN(viewings.viewed_at) AS first_viewed_at, MAX(CASE WHEN viewings.is_wishlisted THEN 1 ELSE 0 END) AS wishlisted FROM curated.viewings AS viewings CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT viewings.user_id IS NULL AND CAST(viewings.viewed_at AS DATE) <= run_parameters.as_of GROUP BY viewings.user_id, viewings.listing_id), bookings AS (SELECT bookings.user_id, bookings.listing_id, bookings.booked_at FROM curated.bookings AS bookings CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT bookings.is_deleted AND bookings.status IN ('pending', 'confirmed') AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of), bookers AS (SELECT DISTINCT first_viewings.user_id, first_viewings.listing_id, CAST(first_viewings.first_viewed_at AS DATE) AS first_date FROM first_viewings INNER JOIN bookings ON first_viewings.user_id = bookings.user_id AND first_viewings.listing_id = bookings.listing_id AND first_viewings.first_viewed_at <= bookings.booked_at AND bookings.booked_at <= first_viewings.first_viewed_at + INTERVAL '30 DAY'), days /* Of each day, so that not every pair is asked for its week. */ AS (SELECT CAST(first_viewed_at AS DATE) AS first_date, COUNT(*) AS viewers, SUM(wishlisted) AS wishlisters, 0 AS bookers FROM first_viewings GROUP BY CAST(first_viewed_at AS DATE) UNION ALL SELECT first_date, 0 AS viewers, 0 AS wishlisters, COUNT(*) AS bookers FROM bookers GROUP BY first_date) SELECT CAST(DATE_TRUNC('WEEK', days.first_date) AS DATE) AS week_start, CAST(SUM(days.viewers) AS BIGINT) AS viewers, CAST(SUM(days.wishlisters) AS BIGINT) AS wishlisters, CAST(SUM(days.bookers) AS BIGINT) AS bookers, CAST(SUM(CASE WHEN CAST(days.first_date + INTERVAL '30 DAY' AS DATE) > run_parameters.as_of THEN days.viewers ELSE 0 END) AS BIGINT) AS open_viewers FROM days CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters GROUP BY CAST(DATE_TRUNC('WEEK', days.first_date) AS DATE)), dividing AS (SELECT CAST(ROUND(ABS("query"."wishlisters") * CAST(2000000 AS BIGINT), 0) AS BIGINT) + ABS("query"."viewers") AS _dividend_1, NULLIF(ABS("query"."viewers") * CAST(2 AS BIGINT), 0) AS _divisor_1, CASE WHEN ("query"."wishlisters" < 0) = ("query"."viewers" < 0) THEN 1 ELSE -1 END AS _sign_1, CAST(ROUND(ABS("query"."bookers") * CAST(2000000 AS BIGINT), 0) AS BIGINT) + ABS("query"."viewers") AS _dividend_2, NULLIF(ABS("query"."viewers") * CAST(2 AS BIGINT), 0) AS _divisor_2, CASE WHEN ("query"."bookers" < 0) = ("query"."viewers" < 0) THEN 1 ELSE -1 END AS _sign_2, "query".* FROM "query") SELECT "week_start", "viewers", "wishlisters", "bookers", CAST(ROUND(CAST(ROUND(CAST((_dividend_1 - _dividend_1 % NULLIF((_divisor_1), 0)) AS DOUBLE PRECISION) / _divisor_1) AS BIGINT) * _sign_1 * 0.000001, 6) AS DECIMAL(9, 6)) AS "wishlist_rate", CAST(ROUND(CAST(ROUND(CAST((_dividend_2 - _dividend_2 % NULLIF((_divisor_2), 0)) AS DOUBLE PRECISION) / _divisor_2) AS BIGINT) * _sign_2 * 0.000001, 6) AS DECIMAL(9, 6)) AS "booking_rate", "open_viewers" FROM dividing) AS result ORDER BY "week_start"
;

SELECT SUM(CASE WHEN "week_start" IS NULL THEN 1 ELSE 0 END) AS "week_start_not_null", SUM(CASE WHEN "viewers" IS NULL THEN 1 ELSE 0 END) AS "viewers_not_null", SUM(CASE WHEN "wishlisters" IS NULL THEN 1 ELSE 0 END) AS "wishlisters_not_null", SUM(CASE WHEN "bookers" IS NULL THEN 1 ELSE 0 END) AS "bookers_not_null", SUM(CASE WHEN "wishlist_rate" IS NULL THEN 1 ELSE 0 END) AS "wishlist_rate_not_null", SUM(CASE WHEN "booking_rate" IS NULL THEN 1 ELSE 0 END) AS "booking_rate_not_null", SUM(CASE WHEN "open_viewers" IS NULL THEN 1 ELSE 0 END) AS "open_viewers_not_null", SUM(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN 1 ELSE 0 END) AS "week_starts_on_monday", SUM(CASE WHEN viewers <= 0 OR wishlisters > viewers OR bookers > viewers OR open_viewers > viewers THEN 1 ELSE 0 END) AS "parts_within_viewers", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "week_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "week_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "week_start" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "week_start_not_null", CAST(MIN(CASE WHEN "viewers" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "viewers_not_null", CAST(MIN(CASE WHEN "wishlisters" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "wishlisters_not_null", CAST(MIN(CASE WHEN "bookers" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "bookers_not_null", CAST(MIN(CASE WHEN "wishlist_rate" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "wishlist_rate_not_null", CAST(MIN(CASE WHEN "booking_rate" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "booking_rate_not_null", CAST(MIN(CASE WHEN "open_viewers" IS NULL THEN "week_start" END) AS VARCHAR(MAX)) AS "open_viewers_not_null", CAST(MIN(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN "week_start" END) AS VARCHAR(MAX)) AS "week_starts_on_monday", CAST(MIN(CASE WHEN viewers <= 0 OR wishlisters > viewers OR bookers > viewers OR open_viewers > viewers THEN "week_start" END) AS VARCHAR(MAX)) AS "parts_within_viewers", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "week_start" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "week_start" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "presentation"."conversion_funnel_weekly" (
    "week_start" DATE NOT NULL,
    "viewers" BIGINT NOT NULL,
    "wishlisters" BIGINT NOT NULL,
    "bookers" BIGINT NOT NULL,
    "wishlist_rate" DECIMAL(9,6) NOT NULL,
    "booking_rate" DECIMAL(9,6) NOT NULL,
    "open_viewers" BIGINT NOT NULL,
    PRIMARY KEY ("week_start")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("week_start")
;

INSERT INTO "presentation"."conversion_funnel_weekly" ("week_start", "viewers", "wishlisters", "bookers", "wishlist_rate", "booking_rate", "open_viewers") SELECT "week_start", "viewers", "wishlisters", "bookers", "wishlist_rate", "booking_rate", "open_viewers" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "presentation"."conversion_funnel_weekly"
;

DELETE FROM "presentation"."conversion_funnel_weekly"
;

COMMENT ON TABLE "presentation"."conversion_funnel_weekly" IS 'Viewers are pairs of a user who was signed in and a listing, by the week (UTC) in which the user first saw it. Wish-listers are those of them of which any view put the listing on the wish list. Bookers are those who made a kept booking of that listing, pending or confirmed, from the first view on and within 30 days of it, to the moment. Viewers whose 30 days are not over at the end of the last day the numbers include are counted as open: their week''s booking rate may still rise. What lies after that day does not count; weeks without a first view are not shown. Rates are divided by all viewers of the week and rounded to six decimals, half up.'
;

COMMENT ON COLUMN "presentation"."conversion_funnel_weekly"."week_start" IS 'Monday of the week of the first view'
;

COMMENT ON COLUMN "presentation"."conversion_funnel_weekly"."viewers" IS 'Pairs of user and listing seen for the first time'
;

COMMENT ON COLUMN "presentation"."conversion_funnel_weekly"."wishlisters" IS 'Of these the ones with a wish-listed view'
;

COMMENT ON COLUMN "presentation"."conversion_funnel_weekly"."bookers" IS 'Of these the ones with a kept booking within 30 days'
;

COMMENT ON COLUMN "presentation"."conversion_funnel_weekly"."wishlist_rate" IS 'Wish-listers divided by viewers'
;

COMMENT ON COLUMN "presentation"."conversion_funnel_weekly"."booking_rate" IS 'Bookers divided by viewers'
;

COMMENT ON COLUMN "presentation"."conversion_funnel_weekly"."open_viewers" IS 'Of the viewers the ones whose 30 days are not over'
;

SELECT "week_start", "booking_rate" FROM "presentation"."conversion_funnel_weekly" ORDER BY "week_start"
;

