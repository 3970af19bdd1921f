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
    "week_start" DATE,
    "city" VARCHAR(2048),
    "state" VARCHAR(1024),
    "bookings" BIGINT,
    "confirmed_bookings" BIGINT,
    "location_rank" INTEGER
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_1" ("week_start", "city", "state", "bookings", "confirmed_bookings", "location_rank") SELECT CAST("week_start" AS DATE) AS "week_start", CAST("city" AS VARCHAR(MAX)) AS "city", CAST("state" AS VARCHAR(MAX)) AS "state", CAST("bookings" AS BIGINT) AS "bookings", CAST("confirmed_bookings" AS BIGINT) AS "confirmed_bookings", CAST("location_rank" AS INTEGER) AS "location_rank" FROM (WITH bookings AS (SELECT bookings.listing_id, bookings.status, CAST(DATE_TRUNC('WEEK', bookings.booked_at) AS DATE) AS week_start FROM curated.bookings AS bookings CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT bookings.is_deleted AND bookings.status IN ('pending', 'confirmed') AND CAST(bookings.booked_at AS DATE) <= run_parameters.as_of), located_bookings AS (SELECT bookings.week_start, bookings.status, cities.state, COALESCE(cities.city, 'Unknown') AS city FROM bookings LEFT JOIN ops.stage_0a1b2c3d_0 AS cities ON bookings.listing_id = cities.listing_id), location_bookings AS (SELECT week_start, city, state, COUNT(*) AS bookings, SUM(CASE WHEN status = 'confirmed' THEN 1 ELSE 0 END) AS confirmed_bookings FROM located_bookings GROUP BY week_start, city, state), ranked_locations AS (SELECT week_start, city, state, bookings, confirmed_bookings, ROW_NUMBER() OVER (PARTITION BY week_start ORDER BY bookings DESC NULLS LAST, city ASC, state ASC) AS location_rank FROM location_bookings) SELECT week_start, city, state, bookings, CAST(confirmed_bookings AS BIGINT) AS confirmed_bookings, CAST(location_rank AS INTEGER) AS location_rank FROM ranked_locations) AS result ORDER BY "week_start", "city", "state"
;

SELECT SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "city" IS NULL THEN 1 ELSE 0 END) AS "city_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "listing_id" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "listing_id" IS NULL THEN "listing_id" END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "city" IS NULL THEN "listing_id" END) AS VARCHAR(MAX)) AS "city_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "listing_id" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT SUM(CASE WHEN "week_start" IS NULL THEN 1 ELSE 0 END) AS "week_start_not_null", SUM(CASE WHEN "city" IS NULL THEN 1 ELSE 0 END) AS "city_not_null", SUM(CASE WHEN "bookings" IS NULL THEN 1 ELSE 0 END) AS "bookings_not_null", SUM(CASE WHEN "confirmed_bookings" IS NULL THEN 1 ELSE 0 END) AS "confirmed_bookings_not_null", SUM(CASE WHEN "location_rank" IS NULL THEN 1 ELSE 0 END) AS "location_rank_not_null", SUM(CASE WHEN "bookings" <= 0 THEN 1 ELSE 0 END) AS "bookings_positive", SUM(CASE WHEN "location_rank" < 1 THEN 1 ELSE 0 END) AS "location_rank_positive", SUM(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN 1 ELSE 0 END) AS "week_starts_on_monday", SUM(CASE WHEN REPLACE(city, ' ', '') = '' THEN 1 ELSE 0 END) AS "city_not_blank", SUM(CASE WHEN confirmed_bookings < 0 OR confirmed_bookings > bookings THEN 1 ELSE 0 END) AS "confirmed_within_bookings", SUM(CASE WHEN city = 'Unknown' THEN 1 ELSE 0 END) AS "city_unknown", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "week_start", "city", "state" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
;

SELECT CAST(MIN(CASE WHEN "week_start" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "week_start_not_null", CAST(MIN(CASE WHEN "city" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "city_not_null", CAST(MIN(CASE WHEN "bookings" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "bookings_not_null", CAST(MIN(CASE WHEN "confirmed_bookings" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "confirmed_bookings_not_null", CAST(MIN(CASE WHEN "location_rank" IS NULL THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "location_rank_not_null", CAST(MIN(CASE WHEN "bookings" <= 0 THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "bookings_positive", CAST(MIN(CASE WHEN "location_rank" < 1 THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "location_rank_positive", CAST(MIN(CASE WHEN week_start <> CAST(DATE_TRUNC('WEEK', week_start) AS DATE) THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "week_starts_on_monday", CAST(MIN(CASE WHEN REPLACE(city, ' ', '') = '' THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "city_not_blank", CAST(MIN(CASE WHEN confirmed_bookings < 0 OR confirmed_bookings > bookings THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "confirmed_within_bookings", CAST(MIN(CASE WHEN city = 'Unknown' THEN COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "city_unknown", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("week_start" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("city" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("state" AS VARCHAR(MAX)), 'NULL') AS doubled_key FROM "ops"."stage_0a1b2c3d_1" GROUP BY "week_start", "city", "state" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_1"
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

CREATE TABLE "presentation"."popular_locations_weekly" (
    "week_start" DATE NOT NULL,
    "city" VARCHAR(2048) NOT NULL,
    "state" VARCHAR(1024),
    "bookings" BIGINT NOT NULL,
    "confirmed_bookings" BIGINT NOT NULL,
    "location_rank" INTEGER NOT NULL
)
DISTSTYLE AUTO
COMPOUND SORTKEY ("week_start")
;

INSERT INTO "presentation"."popular_locations_weekly" ("week_start", "city", "state", "bookings", "confirmed_bookings", "location_rank") SELECT "week_start", "city", "state", "bookings", "confirmed_bookings", "location_rank" FROM "ops"."stage_0a1b2c3d_1"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_1"
;

DROP TABLE "presentation"."popular_locations_weekly"
;

DELETE FROM "presentation"."popular_locations_weekly"
;

COMMENT ON TABLE "presentation"."popular_locations_weekly" IS 'Bookings made in the week (Monday to Sunday, UTC, by the moment of booking) for listings of a city and state, up to and including the last day the numbers include. Pending and confirmed bookings count, canceled ones do not. City and state are those the listing has now; bookings of listings without a known city appear under the city ''Unknown'' with their state, which may be empty. Locations are ranked 1, 2, 3 and so on by bookings; equal numbers are ranked by city, then state in alphabetical order, an empty state last. Only locations with a booking in the week are shown.'
;

COMMENT ON COLUMN "presentation"."popular_locations_weekly"."week_start" IS 'Monday the week starts on'
;

COMMENT ON COLUMN "presentation"."popular_locations_weekly"."city" IS 'City of the booked listings; Unknown if not known'
;

COMMENT ON COLUMN "presentation"."popular_locations_weekly"."state" IS 'State of the booked listings; NULL if not known'
;

COMMENT ON COLUMN "presentation"."popular_locations_weekly"."bookings" IS 'Pending and confirmed bookings made in the week'
;

COMMENT ON COLUMN "presentation"."popular_locations_weekly"."confirmed_bookings" IS 'Confirmed bookings among them'
;

COMMENT ON COLUMN "presentation"."popular_locations_weekly"."location_rank" IS 'Place in the week by bookings starting at 1'
;

SELECT "location_rank" AS place, "city", "state", "bookings", "confirmed_bookings" FROM "presentation"."popular_locations_weekly" WHERE "location_rank" <= 10 AND "week_start" = (SELECT CAST(CAST(DATE_TRUNC('WEEK', as_of + 1) AS DATE) - 7 AS DATE) FROM ops.run_parameters) ORDER BY "location_rank"
;

