CREATE TABLE IF NOT EXISTS "curated"."things" (
    "thing_id" BIGINT NOT NULL,
    "kind" VARCHAR(65535),
    "price" DECIMAL(18,2),
    "made_on" DATE,
    "parent_id" BIGINT,
    "_loaded_at" TIMESTAMP NOT NULL,
    "is_deleted" BOOLEAN NOT NULL,
    PRIMARY KEY ("thing_id")
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "curated"."things" IS 'Things'
;

COMMENT ON COLUMN "curated"."things"."thing_id" IS 'The thing'
;

COMMENT ON COLUMN "curated"."things"."kind" IS 'What it is'
;

COMMENT ON COLUMN "curated"."things"."price" IS 'What it costs'
;

COMMENT ON COLUMN "curated"."things"."made_on" IS 'Since when it is there'
;

COMMENT ON COLUMN "curated"."things"."parent_id" IS 'What it is part of'
;

COMMENT ON COLUMN "curated"."things"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

COMMENT ON COLUMN "curated"."things"."is_deleted" IS 'Whether the key was deleted in the source; the other columns keep their last values'
;

INSERT INTO "ops"."check_results" (run_id, table_name, check_name, severity, failed_rows, sample) SELECT '20240305T010203Z-abcdef', 'things', 'kind_unique', 'fail', failed_rows, sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN("kind") AS VARCHAR(MAX)) AS sample FROM (SELECT MIN("kind") AS "kind" FROM "curated"."things" WHERE TRUE AND NOT is_deleted AND NOT "kind" IS NULL GROUP BY "kind" || '.' HAVING COUNT(*) > 1) AS doubled_values) AS found UNION ALL SELECT '20240305T010203Z-abcdef', 'things', 'parent_id_relationships', 'warn', failed_rows, sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(child."parent_id") AS VARCHAR(MAX)) AS sample FROM "curated"."things" AS child WHERE NOT child."parent_id" IS NULL AND child._run_id = '20240305T010203Z-abcdef' AND NOT child.is_deleted AND NOT EXISTS(SELECT 1 FROM "curated"."things" AS parent WHERE parent."thing_id" = child."parent_id")) AS found UNION ALL SELECT '20240305T010203Z-abcdef', 'things', 'kind_made_on_unique', 'fail', failed_rows, sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("made_on" AS VARCHAR(MAX)), 'NULL')) AS VARCHAR(MAX)) AS sample FROM (SELECT MIN("kind") AS "kind", MIN("made_on") AS "made_on" FROM "curated"."things" WHERE TRUE AND NOT is_deleted AND NOT "kind" IS NULL AND NOT "made_on" IS NULL GROUP BY "kind" || '.', "made_on" HAVING COUNT(*) > 1) AS doubled_values) AS found UNION ALL SELECT '20240305T010203Z-abcdef', 'things', 'made_on_freshness', 'fail', failed_rows, sample FROM (SELECT CASE WHEN MAX("made_on") >= CAST('2024-03-03' AS DATE) THEN 0 ELSE 1 END AS failed_rows, CASE WHEN MAX("made_on") >= CAST('2024-03-03' AS DATE) THEN NULL ELSE COALESCE('the newest is ' || CAST(MAX("made_on") AS VARCHAR(MAX)), 'there is none') END AS sample FROM "curated"."things" WHERE NOT is_deleted) AS found
;

LOCK ops.loads
;

SELECT
    1 / CASE
        WHEN COALESCE(SUM(CASE WHEN manifest_hash = '0000000000000000000000000000000000000000000000000000000000000000' THEN 1 ELSE 0 END), 0) > 0 THEN 0
        ELSE 1
    END AS is_in_turn
FROM (
    SELECT
        manifest_hash,
        ROW_NUMBER() OVER (ORDER BY COALESCE(sequence, 0) DESC, loaded_at DESC, run_id DESC) AS place
    FROM ops.loads
    WHERE step = 'load-curated'
) AS loaded
;

INSERT INTO "ops"."loads" (manifest_hash, step, run_id, loaded_at, sequence, reporting_currency) SELECT '0000000000000000000000000000000000000000000000000000000000000000', 'load-curated', '20240305T010203Z-abcdef', CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP), COALESCE(MAX(sequence), 0) + 1, CAST(NULL AS VARCHAR(MAX)) FROM "ops"."loads"
;

ANALYZE "curated"."things"
;

SELECT SUM(CASE WHEN "thing_id" IS NULL THEN 1 ELSE 0 END) AS "thing_id_not_null", SUM(CASE WHEN "kind" IS NULL THEN 1 ELSE 0 END) AS "kind_not_null", SUM(CASE WHEN NOT "kind" || '.' IN ('it\'s.', 'a\\b.') THEN 1 ELSE 0 END) AS "kind_accepted_values", SUM(CASE WHEN "price" < 0 OR "price" >= 9.5 THEN 1 ELSE 0 END) AS "price_range", SUM(CASE WHEN "made_on" <= CAST('2020-01-01' AS DATE) THEN 1 ELSE 0 END) AS "made_on_range", SUM(CASE WHEN price > 5 THEN 1 ELSE 0 END) AS "cheap", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "thing_id" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "thing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN("kind") AS VARCHAR(MAX)) AS sample FROM (SELECT MIN("kind") AS "kind" FROM "ops"."stage_0a1b2c3d_0" WHERE TRUE AND NOT "kind" IS NULL GROUP BY "kind" || '.' HAVING COUNT(*) > 1) AS doubled_values) AS found) AS "kind_unique", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(child."parent_id") AS VARCHAR(MAX)) AS sample FROM "ops"."stage_0a1b2c3d_0" AS child WHERE NOT child."parent_id" IS NULL AND NOT EXISTS(SELECT 1 FROM "curated"."things" AS parent WHERE parent."thing_id" = child."parent_id")) AS found) AS "parent_id_relationships", (SELECT failed_rows FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("made_on" AS VARCHAR(MAX)), 'NULL')) AS VARCHAR(MAX)) AS sample FROM (SELECT MIN("kind") AS "kind", MIN("made_on") AS "made_on" FROM "ops"."stage_0a1b2c3d_0" WHERE TRUE AND NOT "kind" IS NULL AND NOT "made_on" IS NULL GROUP BY "kind" || '.', "made_on" HAVING COUNT(*) > 1) AS doubled_values) AS found) AS "kind_made_on_unique", (SELECT failed_rows FROM (SELECT CASE WHEN MAX("made_on") >= CAST('2024-03-03' AS DATE) THEN 0 ELSE 1 END AS failed_rows, CASE WHEN MAX("made_on") >= CAST('2024-03-03' AS DATE) THEN NULL ELSE COALESCE('the newest is ' || CAST(MAX("made_on") AS VARCHAR(MAX)), 'there is none') END AS sample FROM "ops"."stage_0a1b2c3d_0") AS found) AS "made_on_freshness", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT CAST(MIN(CASE WHEN "thing_id" IS NULL THEN "thing_id" END) AS VARCHAR(MAX)) AS "thing_id_not_null", CAST(MIN(CASE WHEN "kind" IS NULL THEN "thing_id" END) AS VARCHAR(MAX)) AS "kind_not_null", CAST(MIN(CASE WHEN NOT "kind" || '.' IN ('it\'s.', 'a\\b.') THEN "thing_id" END) AS VARCHAR(MAX)) AS "kind_accepted_values", CAST(MIN(CASE WHEN "price" < 0 OR "price" >= 9.5 THEN "thing_id" END) AS VARCHAR(MAX)) AS "price_range", CAST(MIN(CASE WHEN "made_on" <= CAST('2020-01-01' AS DATE) THEN "thing_id" END) AS VARCHAR(MAX)) AS "made_on_range", CAST(MIN(CASE WHEN price > 5 THEN "thing_id" END) AS VARCHAR(MAX)) AS "cheap", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(doubled_key) AS VARCHAR(MAX)) AS sample FROM (SELECT "thing_id" AS doubled_key FROM "ops"."stage_0a1b2c3d_0" GROUP BY "thing_id" HAVING COUNT(*) > 1) AS doubled_keys) AS found) AS "unique_key", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN("kind") AS VARCHAR(MAX)) AS sample FROM (SELECT MIN("kind") AS "kind" FROM "ops"."stage_0a1b2c3d_0" WHERE TRUE AND NOT "kind" IS NULL GROUP BY "kind" || '.' HAVING COUNT(*) > 1) AS doubled_values) AS found) AS "kind_unique", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(child."parent_id") AS VARCHAR(MAX)) AS sample FROM "ops"."stage_0a1b2c3d_0" AS child WHERE NOT child."parent_id" IS NULL AND NOT EXISTS(SELECT 1 FROM "curated"."things" AS parent WHERE parent."thing_id" = child."parent_id")) AS found) AS "parent_id_relationships", (SELECT sample FROM (SELECT COUNT(*) AS failed_rows, CAST(MIN(COALESCE(CAST("kind" AS VARCHAR(MAX)), 'NULL') || ',' || COALESCE(CAST("made_on" AS VARCHAR(MAX)), 'NULL')) AS VARCHAR(MAX)) AS sample FROM (SELECT MIN("kind") AS "kind", MIN("made_on") AS "made_on" FROM "ops"."stage_0a1b2c3d_0" WHERE TRUE AND NOT "kind" IS NULL AND NOT "made_on" IS NULL GROUP BY "kind" || '.', "made_on" HAVING COUNT(*) > 1) AS doubled_values) AS found) AS "kind_made_on_unique", (SELECT sample FROM (SELECT CASE WHEN MAX("made_on") >= CAST('2024-03-03' AS DATE) THEN 0 ELSE 1 END AS failed_rows, CASE WHEN MAX("made_on") >= CAST('2024-03-03' AS DATE) THEN NULL ELSE COALESCE('the newest is ' || CAST(MAX("made_on") AS VARCHAR(MAX)), 'there is none') END AS sample FROM "ops"."stage_0a1b2c3d_0") AS found) AS "made_on_freshness", COUNT(*) AS "_checked_rows" FROM "ops"."stage_0a1b2c3d_0"
;

SELECT table_name, check_name, severity, failed_rows, sample FROM ops.check_results WHERE run_id = 'first' AND severity = 'fail' AND failed_rows > 0
;

