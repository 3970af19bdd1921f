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

SELECT 0 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM (SELECT 1 AS doubled FROM "ops"."stage_0a1b2c3d_0" GROUP BY "listing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found UNION ALL SELECT 1 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE "listing_id" IS NULL) AS found UNION ALL SELECT 2 AS place, failed_rows FROM (SELECT COUNT(*) AS failed_rows FROM "ops"."stage_0a1b2c3d_0" WHERE "city" IS NULL) AS found
;

SELECT 0 AS place, COUNT(*) AS staged_rows, 0 AS doubled_keys FROM "ops"."stage_0a1b2c3d_0"
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

