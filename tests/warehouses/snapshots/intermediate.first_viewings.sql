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
    "user_id" BIGINT,
    "listing_id" BIGINT,
    "first_viewed_at" TIMESTAMP,
    "wishlisted" INTEGER
)
DISTSTYLE AUTO
;

INSERT INTO "ops"."stage_0a1b2c3d_0" ("user_id", "listing_id", "first_viewed_at", "wishlisted") SELECT CAST("user_id" AS BIGINT) AS "user_id", CAST("listing_id" AS BIGINT) AS "listing_id", CAST("first_viewed_at" AS TIMESTAMP) AS "first_viewed_at", CAST("wishlisted" AS INTEGER) AS "wishlisted" FROM (SELECT viewings.user_id, viewings.listing_id, MIN(viewings.viewed_at) AS first_viewed_at, CAST(MAX(CASE WHEN viewings.is_wishlisted THEN 1 ELSE 0 END) AS INTEGER) AS wishlisted FROM curated.viewings AS viewings CROSS JOIN ops.stage_0a1b2c3d_p AS run_parameters WHERE NOT viewings.user_id IS NULL AND CAST(viewings.viewed_at AS DATE) <= run_parameters.as_of GROUP BY viewings.user_id, viewings.listing_id) AS result
;

SELECT SUM(CASE WHEN "user_id" IS NULL THEN 1 ELSE 0 END) AS "user_id_not_null", SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "first_viewed_at" IS NULL THEN 1 ELSE 0 END) AS "first_viewed_at_not_null", SUM(CASE WHEN "wishlisted" IS NULL THEN 1 ELSE 0 END) AS "wishlisted_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_value) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') AS doubled_value FROM "ops"."stage_0a1b2c3d_0" WHERE TRUE GROUP BY "user_id", "listing_id" HAVING COUNT(*) > 1) AS doubled_values) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "user_id" IS NULL THEN COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "user_id_not_null", CAST(MIN(CASE WHEN "listing_id" IS NULL THEN COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "first_viewed_at" IS NULL THEN COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "first_viewed_at_not_null", CAST(MIN(CASE WHEN "wishlisted" IS NULL THEN COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') END) AS VARCHAR(MAX)) AS "wishlisted_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_value) AS VARCHAR(MAX)) AS sample FROM (SELECT COALESCE(CAST("user_id" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("listing_id" AS VARCHAR(MAX)), 'NULL') AS doubled_value FROM "ops"."stage_0a1b2c3d_0" WHERE TRUE GROUP BY "user_id", "listing_id" HAVING COUNT(*) > 1) AS doubled_values) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

CREATE TABLE "intermediate"."first_viewings" (
    "user_id" BIGINT NOT NULL,
    "listing_id" BIGINT NOT NULL,
    "first_viewed_at" TIMESTAMP NOT NULL,
    "wishlisted" INTEGER NOT NULL,
    PRIMARY KEY ("user_id", "listing_id")
)
DISTSTYLE KEY DISTKEY ("listing_id")
COMPOUND SORTKEY ("first_viewed_at")
;

INSERT INTO "intermediate"."first_viewings" ("user_id", "listing_id", "first_viewed_at", "wishlisted") SELECT "user_id", "listing_id", "first_viewed_at", "wishlisted" FROM "ops"."stage_0a1b2c3d_0"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "intermediate"."first_viewings"
;

DELETE FROM "intermediate"."first_viewings"
;

COMMENT ON TABLE "intermediate"."first_viewings" IS 'The first view of a listing by a user who was signed in, up to and including the last day the numbers include, and whether any of the user''s views of it put it on the wish list.'
;

COMMENT ON COLUMN "intermediate"."first_viewings"."user_id" IS 'User'
;

COMMENT ON COLUMN "intermediate"."first_viewings"."listing_id" IS 'Listing'
;

COMMENT ON COLUMN "intermediate"."first_viewings"."first_viewed_at" IS 'Moment of the first view in UTC'
;

COMMENT ON COLUMN "intermediate"."first_viewings"."wishlisted" IS '1 if a view put the listing on the wish list and 0 if none did'
;

