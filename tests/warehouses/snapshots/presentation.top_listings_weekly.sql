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
    "revenue_rank" INTEGER,
    "listing_id" BIGINT,
    "title" VARCHAR(8192),
    "city" VARCHAR(2048),
    "state" VARCHAR(1024),
    "confirmed_bookings" BIGINT,
    "confirmed_revenue" DECIMAL(18,2),
    "currency" VARCHAR(16)
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("week_start", "revenue_rank", "listing_id", "title", "city", "state", "confirmed_bookings", "confirmed_revenue", "currency") SELECT CAST("week_start" AS DATE) AS "week_start", CAST("revenue_rank" AS INTEGER) AS "revenue_rank", CAST("listing_id" AS BIGINT) AS "listing_id", CAST("title" AS VARCHAR(MAX)) AS "title", CAST("city" AS VARCHAR(MAX)) AS "city", CAST("state" AS VARCHAR(MAX)) AS "state", CAST("confirmed_bookings" AS BIGINT) AS "confirmed_bookings", CAST(ROUND("confirmed_revenue", 2) AS DECIMAL(18, 2)) AS "confirmed_revenue", CAST("currency" AS VARCHAR(MAX)) AS "currency" FROM (WITH bookings AS (SELECT bookings.listing_id, bookings.reporting_total_price, CAST(DATE_TRUNC('WEEK', bookings.booked_at) AS DATE) AS week_start FROM curated.bookings AS bookings CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT bookings.is_deleted AND bookings.status = 'confirmed' AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of), listings AS (SELECT listing_id, title FROM curated.listings WHERE NOT is_deleted), listing_attributes AS (SELECT listing_id, city, state FROM curated.listing_attributes WHERE NOT is_deleted), listing_revenue AS (SELECT week_start, listing_id, COUNT(*) AS confirmed_bookings, SUM(reporting_total_price) AS confirmed_revenue FROM bookings GROUP BY week_start, listing_id), ranked_listings AS (SELECT week_start, listing_id, confirmed_bookings, confirmed_revenue, ROW_NUMBER() OVER (PARTITION BY week_start ORDER BY confirmed_revenue DESC NULLS LAST, listing_id ASC) AS revenue_rank FROM listing_revenue) SELECT ranked.week_start, CAST(ranked.revenue_rank AS INTEGER) AS revenue_rank, ranked.listing_id, listings.title, attributes.city, attributes.state, ranked.confirmed_bookings, CAST(ROUND(ranked.confirmed_revenue, 2) AS DECIMAL(18, 2)) AS confirmed_revenue, run_parameters.reporting_currency AS currency FROM ranked_listings AS ranked CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters LEFT JOIN listings ON ranked.listing_id = listings.listing_id LEFT JOIN listing_attributes AS attributes ON ranked.listing_id = attributes.listing_id WHERE ranked.revenue_rank <= 10) AS result ORDER BY "week_start", "revenue_rank"
;

SELECT SUM(CASE WHEN "week_start" IS NULL THEN 1 ELSE 0 END) AS "week_start_not_null", SUM(CASE WHEN "revenue_rank" IS NULL THEN 1 ELSE 0 END) AS "revenue_rank_not_null", SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "confirmed_bookings" IS NULL THEN 1 ELSE 0 END) AS "confirmed_bookings_not_null", SUM(CASE WHEN "confirmed_revenue" IS NULL THEN 1 ELSE 0 END) AS "confirmed_revenue_not_null", SUM(CASE WHEN "currency" IS NULL THEN 1 ELSE 0 END) AS "currency_not_null", SUM(CASE WHEN "revenue_rank" < 1 OR "revenue_rank" > 10 THEN 1 ELSE 0 END) AS "revenue_rank_within_ten", SUM(CASE WHEN "title" IS NULL THEN 1 ELSE 0 END) AS "listing_without_title", SUM(CASE WHEN "confirmed_bookings" <= 0 THEN 1 ELSE 0 END) AS "confirmed_bookings_positive", SUM(CASE WHEN "confirmed_revenue" < 0 THEN 1 ELSE 0 END) AS "confirmed_revenue_not_negative", SUM(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN 1 ELSE 0 END) AS "week_starts_on_monday", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "week_start", "revenue_rank" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "week_start" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "week_start_not_null", CAST(MIN(CASE WHEN "revenue_rank" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "revenue_rank_not_null", CAST(MIN(CASE WHEN "listing_id" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "confirmed_bookings" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "confirmed_bookings_not_null", CAST(MIN(CASE WHEN "confirmed_revenue" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "confirmed_revenue_not_null", CAST(MIN(CASE WHEN "currency" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "currency_not_null", CAST(MIN(CASE WHEN "revenue_rank" < 1 OR "revenue_rank" > 10 THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "revenue_rank_within_ten", CAST(MIN(CASE WHEN "title" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "listing_without_title", CAST(MIN(CASE WHEN "confirmed_bookings" <= 0 THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "confirmed_bookings_positive", CAST(MIN(CASE WHEN "confirmed_revenue" < 0 THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "confirmed_revenue_not_negative", CAST(MIN(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "week_starts_on_monday", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("revenue_rank" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "week_start", "revenue_rank" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "presentation"."top_listings_weekly" (
    "week_start" DATE NOT NULL,
    "revenue_rank" INTEGER NOT NULL,
    "listing_id" BIGINT NOT NULL,
    "title" VARCHAR(8192),
    "city" VARCHAR(2048),
    "state" VARCHAR(1024),
    "confirmed_bookings" BIGINT NOT NULL,
    "confirmed_revenue" DECIMAL(18,2) NOT NULL,
    "currency" VARCHAR(16) NOT NULL,
    PRIMARY KEY ("week_start", "revenue_rank")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("week_start", "revenue_rank")
;

INSERT INTO "presentation"."top_listings_weekly" ("week_start", "revenue_rank", "listing_id", "title", "city", "state", "confirmed_bookings", "confirmed_revenue", "currency") SELECT "week_start", "revenue_rank", "listing_id", "title", "city", "state", "confirmed_bookings", "confirmed_revenue", "currency" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "presentation"."top_listings_weekly"
;

DELETE FROM "presentation"."top_listings_weekly"
;

COMMENT ON TABLE "presentation"."top_listings_weekly" IS 'The ten listings with the highest revenue from confirmed bookings made in the week (Monday to Sunday, UTC, by the moment of booking), up to and including the last day the numbers include. Revenue is the total price of the bookings in the reporting currency, converted at the rate of the day of booking. Equal revenues are ranked by the lower listing number. Only listings with a confirmed booking in the week are shown, so a week may have fewer than ten. Title, city and state are those the listing has now and are empty if the listing is unknown or deleted.'
;

COMMENT ON COLUMN "presentation"."top_listings_weekly"."week_start" IS 'Monday the week starts on'
;

COMMENT ON COLUMN "presentation"."top_listings_weekly"."revenue_rank" IS 'Place in the week by revenue from 1 to 10'
;

COMMENT ON COLUMN "presentation"."top_listings_weekly"."listing_id" IS 'Listing booked'
;

COMMENT ON COLUMN "presentation"."top_listings_weekly"."title" IS 'Title of the listing; NULL if the listing is unknown or deleted'
;

COMMENT ON COLUMN "presentation"."top_listings_weekly"."city" IS 'City of the listing; NULL if not known'
;

COMMENT ON COLUMN "presentation"."top_listings_weekly"."state" IS 'State of the listing; NULL if not known'
;

COMMENT ON COLUMN "presentation"."top_listings_weekly"."confirmed_bookings" IS 'Confirmed bookings of the listing made in the week'
;

COMMENT ON COLUMN "presentation"."top_listings_weekly"."confirmed_revenue" IS 'Total price of those bookings in the reporting currency'
;

COMMENT ON COLUMN "presentation"."top_listings_weekly"."currency" IS 'ISO 4217 code of the reporting currency'
;

SELECT "revenue_rank" AS place, "title", "city", "state", "confirmed_bookings", "confirmed_revenue", "listing_id" FROM "presentation"."top_listings_weekly" WHERE "revenue_rank" <= 10 AND "week_start" = (SELECT CAST(CAST(DATE_TRUNC('WEEK', as_of + 1) AS DATE) - 7 AS DATE) FROM ops.run_parameters) ORDER BY "revenue_rank"
;

