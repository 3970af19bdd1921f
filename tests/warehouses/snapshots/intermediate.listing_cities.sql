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

SELECT SUM(CASE WHEN "listing_id" IS NULL THEN 1 ELSE 0 END) AS "listing_id_not_null", SUM(CASE WHEN "city" IS NULL THEN 1 ELSE 0 END) AS "city_not_null", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "listing_id" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "listing_id" IS NULL THEN "listing_id" END) AS VARCHAR(MAX)) AS "listing_id_not_null", CAST(MIN(CASE WHEN "city" IS NULL THEN "listing_id" END) AS VARCHAR(MAX)) AS "city_not_null", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "listing_id" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
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

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_p"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DROP TABLE "intermediate"."listing_cities"
;

DELETE FROM "intermediate"."listing_cities"
;

COMMENT ON TABLE "intermediate"."listing_cities" IS 'City and state of every listing whose attributes are known. A city that is missing or blank is ''Unknown'', with the state as it is. Metrics by city take ''Unknown'' without a state for listings that are not here.'
;

COMMENT ON COLUMN "intermediate"."listing_cities"."listing_id" IS 'Listing'
;

COMMENT ON COLUMN "intermediate"."listing_cities"."city" IS 'City, or ''Unknown'''
;

COMMENT ON COLUMN "intermediate"."listing_cities"."state" IS 'State as the source has it'
;

