CREATE SCHEMA IF NOT EXISTS raw_data
;

CREATE SCHEMA IF NOT EXISTS curated
;

CREATE SCHEMA IF NOT EXISTS intermediate
;

CREATE SCHEMA IF NOT EXISTS presentation
;

CREATE SCHEMA IF NOT EXISTS ops
;

CREATE TABLE IF NOT EXISTS "ops"."runs" (
    "run_id" VARCHAR(65535),
    "sequence" BIGINT,
    "status" VARCHAR(65535),
    "started_at" TIMESTAMP,
    "finished_at" TIMESTAMP,
    "as_of" DATE,
    "engine" VARCHAR(65535),
    "versions" VARCHAR(65535),
    "full_refresh" BOOLEAN,
    "backfill_from" DATE,
    "backfill_to" DATE,
    "error" VARCHAR(65535),
    "lake_records" BIGINT,
    "reason" VARCHAR(65535),
    "follows" BIGINT
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "ops"."runs" IS 'One row per run, and per start that failed before a run began.'
;

COMMENT ON COLUMN "ops"."runs"."run_id" IS 'Identifies the run, or the start'
;

COMMENT ON COLUMN "ops"."runs"."sequence" IS 'Place of the run in the history of the lake, from 1; NULL where no run began'
;

COMMENT ON COLUMN "ops"."runs"."status" IS 'running, succeeded or failed'
;

COMMENT ON COLUMN "ops"."runs"."started_at" IS 'When the run started in UTC'
;

COMMENT ON COLUMN "ops"."runs"."finished_at" IS 'When the run ended in UTC'
;

COMMENT ON COLUMN "ops"."runs"."as_of" IS 'Last day the metrics include'
;

COMMENT ON COLUMN "ops"."runs"."engine" IS 'Engine that extracted and transformed'
;

COMMENT ON COLUMN "ops"."runs"."versions" IS 'Versions of the parts as JSON'
;

COMMENT ON COLUMN "ops"."runs"."full_refresh" IS 'Whether every table was read in full'
;

COMMENT ON COLUMN "ops"."runs"."backfill_from" IS 'First day that was re-read, NULL where the run read what changed'
;

COMMENT ON COLUMN "ops"."runs"."backfill_to" IS 'Last day that was re-read, itself included'
;

COMMENT ON COLUMN "ops"."runs"."error" IS 'Why the run failed'
;

COMMENT ON COLUMN "ops"."runs"."lake_records" IS 'How many records that jobs left of the run in the lake this row includes'
;

COMMENT ON COLUMN "ops"."runs"."reason" IS 'Name of that cause, as docs/reference/errors.md has it'
;

COMMENT ON COLUMN "ops"."runs"."follows" IS 'Of a start that failed before a run began: sequence of the last run before it, 0 where none was'
;

CREATE TABLE IF NOT EXISTS "ops"."steps" (
    "run_id" VARCHAR(65535),
    "step" VARCHAR(65535),
    "status" VARCHAR(65535),
    "attempt" INTEGER,
    "started_at" TIMESTAMP,
    "seconds" DOUBLE PRECISION,
    "rows_in" BIGINT,
    "rows_out" BIGINT,
    "bytes" BIGINT,
    "error" VARCHAR(65535)
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "ops"."steps" IS 'One row per run, step and attempt.'
;

COMMENT ON COLUMN "ops"."steps"."run_id" IS 'The run'
;

COMMENT ON COLUMN "ops"."steps"."step" IS 'extract, transform, load-raw, load-curated or metrics'
;

COMMENT ON COLUMN "ops"."steps"."status" IS 'succeeded, skipped or failed'
;

COMMENT ON COLUMN "ops"."steps"."attempt" IS 'Counted from 1'
;

COMMENT ON COLUMN "ops"."steps"."started_at" IS 'When the step started in UTC'
;

COMMENT ON COLUMN "ops"."steps"."seconds" IS 'How long it took'
;

COMMENT ON COLUMN "ops"."steps"."rows_in" IS 'Rows the step read'
;

COMMENT ON COLUMN "ops"."steps"."rows_out" IS 'Rows the step wrote'
;

COMMENT ON COLUMN "ops"."steps"."bytes" IS 'Bytes the step wrote to the lake'
;

COMMENT ON COLUMN "ops"."steps"."error" IS 'Why the step failed'
;

CREATE TABLE IF NOT EXISTS "ops"."row_accounting" (
    "run_id" VARCHAR(65535),
    "table_name" VARCHAR(65535),
    "extracted" BIGINT,
    "curated" BIGINT,
    "superseded" BIGINT,
    "rejected" BIGINT
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "ops"."row_accounting" IS 'One row per run and curated table: extracted = curated + superseded + rejected.'
;

COMMENT ON COLUMN "ops"."row_accounting"."run_id" IS 'The run'
;

COMMENT ON COLUMN "ops"."row_accounting"."table_name" IS 'The curated table'
;

COMMENT ON COLUMN "ops"."row_accounting"."extracted" IS 'Rows read from the source table'
;

COMMENT ON COLUMN "ops"."row_accounting"."curated" IS 'Rows kept'
;

COMMENT ON COLUMN "ops"."row_accounting"."superseded" IS 'Older versions and duplicates of a key read in the same run'
;

COMMENT ON COLUMN "ops"."row_accounting"."rejected" IS 'Rows that were rejected'
;

CREATE TABLE IF NOT EXISTS "ops"."rejected_rows" (
    "run_id" VARCHAR(65535),
    "table_name" VARCHAR(65535),
    "row_key" VARCHAR(65535),
    "rules" VARCHAR(65535),
    "row_json" VARCHAR(65535)
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "ops"."rejected_rows" IS 'One row per rejected source row.'
;

COMMENT ON COLUMN "ops"."rejected_rows"."run_id" IS 'The run'
;

COMMENT ON COLUMN "ops"."rejected_rows"."table_name" IS 'The curated table'
;

COMMENT ON COLUMN "ops"."rejected_rows"."row_key" IS 'Key of the row'
;

COMMENT ON COLUMN "ops"."rejected_rows"."rules" IS 'Names of all rules the row broke, comma-separated'
;

COMMENT ON COLUMN "ops"."rejected_rows"."row_json" IS 'The whole source row as JSON'
;

CREATE TABLE IF NOT EXISTS "ops"."check_results" (
    "run_id" VARCHAR(65535),
    "table_name" VARCHAR(65535),
    "check_name" VARCHAR(65535),
    "severity" VARCHAR(65535),
    "failed_rows" BIGINT,
    "sample" VARCHAR(65535)
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "ops"."check_results" IS 'One row per run, table and rule or check.'
;

COMMENT ON COLUMN "ops"."check_results"."run_id" IS 'The run'
;

COMMENT ON COLUMN "ops"."check_results"."table_name" IS 'The table checked; of a source table with its schema, raw_data'
;

COMMENT ON COLUMN "ops"."check_results"."check_name" IS 'The rule or check'
;

COMMENT ON COLUMN "ops"."check_results"."severity" IS 'reject, fail or warn'
;

COMMENT ON COLUMN "ops"."check_results"."failed_rows" IS 'Rows that broke it'
;

COMMENT ON COLUMN "ops"."check_results"."sample" IS 'Key of one of them, the value that breaks it, or what the table is like'
;

CREATE TABLE IF NOT EXISTS "ops"."loads" (
    "manifest_hash" VARCHAR(65535),
    "step" VARCHAR(65535),
    "run_id" VARCHAR(65535),
    "loaded_at" TIMESTAMP,
    "sequence" BIGINT,
    "reporting_currency" VARCHAR(65535)
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "ops"."loads" IS 'One row per manifest loaded; the same one is never loaded twice.'
;

COMMENT ON COLUMN "ops"."loads"."manifest_hash" IS 'SHA-256 of the manifest'
;

COMMENT ON COLUMN "ops"."loads"."step" IS 'load-raw or load-curated'
;

COMMENT ON COLUMN "ops"."loads"."run_id" IS 'The run that made the files'
;

COMMENT ON COLUMN "ops"."loads"."loaded_at" IS 'When in UTC'
;

COMMENT ON COLUMN "ops"."loads"."sequence" IS 'Place of the load in the history of the warehouse, from 1; the last one counts'
;

COMMENT ON COLUMN "ops"."loads"."reporting_currency" IS 'What amounts of the curated tables are in since; NULL for load-raw'
;

CREATE TABLE IF NOT EXISTS "ops"."proofs" (
    "run_id" VARCHAR(65535),
    "table_name" VARCHAR(65535),
    "read_mode" VARCHAR(65535),
    "window_lower" TIMESTAMP,
    "window_upper" TIMESTAMP,
    "source_rows" BIGINT,
    "window_rows" BIGINT,
    "extracted_rows" BIGINT,
    "deleted_keys" BIGINT,
    "key_hash" VARCHAR(65535)
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "ops"."proofs" IS 'One row per run and source table: what the source held, all of which is in the lake.'
;

COMMENT ON COLUMN "ops"."proofs"."run_id" IS 'The run that read the table'
;

COMMENT ON COLUMN "ops"."proofs"."table_name" IS 'The source table'
;

COMMENT ON COLUMN "ops"."proofs"."read_mode" IS 'incremental, append or snapshot'
;

COMMENT ON COLUMN "ops"."proofs"."window_lower" IS 'Start of the window in UTC, NULL where the table was read in full'
;

COMMENT ON COLUMN "ops"."proofs"."window_upper" IS 'End of the window in UTC, itself excluded'
;

COMMENT ON COLUMN "ops"."proofs"."source_rows" IS 'Rows the source held when the read began; for events, those of the window'
;

COMMENT ON COLUMN "ops"."proofs"."window_rows" IS 'Rows of them in the window'
;

COMMENT ON COLUMN "ops"."proofs"."extracted_rows" IS 'Rows that were new or changed'
;

COMMENT ON COLUMN "ops"."proofs"."deleted_keys" IS 'Keys that were deleted in the source'
;

COMMENT ON COLUMN "ops"."proofs"."key_hash" IS 'Hash of the keys and cursors the source held, whatever their order'
;

CREATE TABLE IF NOT EXISTS "ops"."freshness" (
    "table_name" VARCHAR(65535),
    "run_id" VARCHAR(65535),
    "read_mode" VARCHAR(65535),
    "watermark" TIMESTAMP
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "ops"."freshness" IS 'One row per source table: how recent what we hold of it is.'
;

COMMENT ON COLUMN "ops"."freshness"."table_name" IS 'The source table'
;

COMMENT ON COLUMN "ops"."freshness"."run_id" IS 'The run that read it last'
;

COMMENT ON COLUMN "ops"."freshness"."read_mode" IS 'incremental, append or snapshot'
;

COMMENT ON COLUMN "ops"."freshness"."watermark" IS 'The source was read up to this time in UTC'
;

CREATE TABLE IF NOT EXISTS "ops"."lakes" (
    "lake_id" VARCHAR(65535),
    "url" VARCHAR(65535),
    "run_id" VARCHAR(65535),
    "adopted_at" TIMESTAMP,
    "sequence" BIGINT
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "ops"."lakes" IS 'One row per lake that the warehouse was filled from; the last one counts.'
;

COMMENT ON COLUMN "ops"."lakes"."lake_id" IS 'Identifies the lake, wherever it is; from its lake.json'
;

COMMENT ON COLUMN "ops"."lakes"."url" IS 'Where the lake was'
;

COMMENT ON COLUMN "ops"."lakes"."run_id" IS 'The run that began to fill the warehouse from it'
;

COMMENT ON COLUMN "ops"."lakes"."adopted_at" IS 'When that run began in UTC'
;

COMMENT ON COLUMN "ops"."lakes"."sequence" IS 'Place of the lake among those the warehouse was filled from, from 1; the last one counts'
;

CREATE TABLE IF NOT EXISTS "ops"."run_parameters" (
    "run_id" VARCHAR(65535),
    "as_of" DATE,
    "reporting_currency" VARCHAR(65535),
    "known_from" DATE
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "ops"."run_parameters" IS 'A single row: what the presentation tables were built with.'
;

COMMENT ON COLUMN "ops"."run_parameters"."run_id" IS 'The run that built them'
;

COMMENT ON COLUMN "ops"."run_parameters"."as_of" IS 'Last day the numbers include'
;

COMMENT ON COLUMN "ops"."run_parameters"."reporting_currency" IS 'What money in them is in'
;

COMMENT ON COLUMN "ops"."run_parameters"."known_from" IS 'Day up to which the first loaded run had read the source; what was before it is known only as far as that run found it'
;

DELETE FROM "ops"."runs"
WHERE
    ("run_id" = 'first')
;

INSERT INTO "ops"."runs" ("run_id", "sequence", "status", "started_at", "finished_at", "as_of", "engine", "versions", "full_refresh", "backfill_from", "backfill_to", "error", "lake_records", "reason", "follows") VALUES ('first', 1, 'failed', TIMESTAMP '2024-03-05 01:02:03.456789', NULL, DATE '2024-03-04', NULL, '{"rental-analytics": "0.1.0"}', TRUE, NULL, NULL, 'it''s a C:\\new folder
with lines', NULL, NULL, NULL)
;

DELETE FROM "ops"."steps"
WHERE
    ("run_id" = 'first' AND "step" = 'extract' AND "started_at" = TIMESTAMP '2024-03-05 01:02:03.456789')
;

INSERT INTO "ops"."steps" ("run_id", "step", "status", "attempt", "started_at", "seconds", "rows_in", "rows_out", "bytes", "error") VALUES ('first', 'extract', NULL, 1, TIMESTAMP '2024-03-05 01:02:03.456789', 0.25, NULL, NULL, NULL, NULL)
;

DELETE FROM "ops"."check_results"
WHERE
    ("run_id" = 'first' AND "table_name" = 'one' AND "check_name" = 'unique_key')
    OR ("run_id" = 'first' AND "table_name" = 'two' AND "check_name" = 'unique_key')
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "run_id" VARCHAR(65535),
    "table_name" VARCHAR(65535),
    "row_key" VARCHAR(65535),
    "rules" VARCHAR(65535),
    "row_json" VARCHAR(65535)
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("run_id", "table_name", "row_key", "rules", "row_json")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("run_id", "table_name", "row_key", "rules", "row_json")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
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

DELETE FROM "ops"."check_results" WHERE run_id = '20240305T010203Z-abcdef'
;

DELETE FROM "ops"."rejected_rows" WHERE run_id = '20240305T010203Z-abcdef'
;

INSERT INTO "ops"."check_results" ("run_id", "table_name", "check_name", "severity", "failed_rows", "sample") VALUES ('first', 'one', 'unique_key', NULL, NULL, NULL), ('first', 'two', 'unique_key', NULL, NULL, NULL)
;

INSERT INTO "ops"."rejected_rows" ("run_id", "table_name", "row_key", "rules", "row_json")
SELECT "run_id", "table_name", "row_key", "rules", "row_json"
FROM "ops"."stage_0a1b2c3d_0" AS arrived
;

INSERT INTO "ops"."loads" (manifest_hash, step, run_id, loaded_at, sequence, reporting_currency) SELECT '0000000000000000000000000000000000000000000000000000000000000000', 'load-curated', '20240305T010203Z-abcdef', CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP), COALESCE(MAX(sequence), 0) + 1, CAST(NULL AS VARCHAR(MAX)) FROM "ops"."loads"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

DELETE FROM "ops"."run_parameters"
;

INSERT INTO "ops"."run_parameters" ("run_id", "as_of", "reporting_currency", "known_from") VALUES ('20240305T010203Z-abcdef', DATE '2024-03-04', 'USD', DATE '2024-03-01')
;

CREATE PROCEDURE "ops"."stage_0a1b2c3d_s0"() AS $$
BEGIN
CREATE TABLE "presentation"."occupancy_rate_monthly" (
    "month_start" DATE NOT NULL,
    "booked_nights" BIGINT NOT NULL,
    "available_nights" BIGINT NOT NULL,
    "occupancy_rate" DECIMAL(9,6),
    PRIMARY KEY ("month_start")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("month_start")
;
INSERT INTO "presentation"."occupancy_rate_monthly" ("month_start", "booked_nights", "available_nights", "occupancy_rate") SELECT "month_start", "booked_nights", "available_nights", "occupancy_rate" FROM "ops"."stage_0a1b2c3d_0";
END;
$$ LANGUAGE plpgsql
;

CALL "ops"."stage_0a1b2c3d_s0"()
;

DROP PROCEDURE "ops"."stage_0a1b2c3d_s0"()
;

