CREATE TABLE IF NOT EXISTS "curated"."calendar" (
    "calendar_date" DATE NOT NULL,
    "week_start" DATE NOT NULL,
    "month_start" DATE NOT NULL,
    "_run_id" VARCHAR(100) NOT NULL,
    "_loaded_at" TIMESTAMP NOT NULL,
    PRIMARY KEY ("calendar_date")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("calendar_date")
;

COMMENT ON TABLE "curated"."calendar" IS 'Days with the week and the month they belong to, from 1970 to 2099.'
;

COMMENT ON COLUMN "curated"."calendar"."calendar_date" IS 'The day'
;

COMMENT ON COLUMN "curated"."calendar"."week_start" IS 'Monday of the day''s week'
;

COMMENT ON COLUMN "curated"."calendar"."month_start" IS 'First day of the day''s month'
;

COMMENT ON COLUMN "curated"."calendar"."_run_id" IS 'The run that read the row, or found its key deleted'
;

COMMENT ON COLUMN "curated"."calendar"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "calendar_date" DATE,
    "week_start" DATE,
    "month_start" DATE,
    "_run_id" VARCHAR(100)
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("calendar_date", "week_start", "month_start", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("calendar_date", "week_start", "month_start", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

INSERT INTO "curated"."calendar" ("calendar_date", "week_start", "month_start", "_run_id", "_loaded_at")
SELECT arrived."calendar_date", arrived."week_start", arrived."month_start", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789'
FROM "ops"."stage_0a1b2c3d_0" AS arrived
;

LOCK ops.loads
;

SELECT
    1 / CASE
        WHEN COALESCE(SUM(CASE WHEN manifest_hash = '0000000000000000000000000000000000000000000000000000000000000000' THEN 1 ELSE 0 END), 0) > 0 THEN 0
        WHEN COALESCE(MAX(CASE WHEN place = 1 THEN manifest_hash END), '') <> '1111111111111111111111111111111111111111111111111111111111111111' THEN 0
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

INSERT INTO "curated"."calendar" ("calendar_date", "week_start", "month_start", "_run_id", "_loaded_at")
SELECT arrived."calendar_date", arrived."week_start", arrived."month_start", arrived."_run_id", TIMESTAMP '2024-03-05 01:02:03.456789'
FROM "ops"."stage_0a1b2c3d_0" AS arrived
;

INSERT INTO "ops"."loads" (manifest_hash, step, run_id, loaded_at, sequence, reporting_currency) SELECT '0000000000000000000000000000000000000000000000000000000000000000', 'load-curated', '20240305T010203Z-abcdef', CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP), COALESCE(MAX(sequence), 0) + 1, 'EUR' FROM "ops"."loads"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

ANALYZE "curated"."calendar"
;

DELETE FROM "curated"."calendar"
;

