CREATE TABLE IF NOT EXISTS "raw_data"."user_viewing" (
    "id" BIGINT,
    "user_id" BIGINT,
    "apartment_id" BIGINT,
    "viewed_at" TIMESTAMP,
    "is_wishlisted" BOOLEAN,
    "call_to_action" VARCHAR(400),
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN,
    "_loaded_at" TIMESTAMP NOT NULL
)
DISTSTYLE AUTO
;

COMMENT ON TABLE "raw_data"."user_viewing" IS 'Views of listings by users, one row per view, never changed afterwards.'
;

COMMENT ON COLUMN "raw_data"."user_viewing"."id" IS 'Identifies the view'
;

COMMENT ON COLUMN "raw_data"."user_viewing"."user_id" IS 'Who looked'
;

COMMENT ON COLUMN "raw_data"."user_viewing"."apartment_id" IS 'The listing looked at'
;

COMMENT ON COLUMN "raw_data"."user_viewing"."viewed_at" IS 'When in UTC'
;

COMMENT ON COLUMN "raw_data"."user_viewing"."is_wishlisted" IS 'Whether the user put the listing on the wish list'
;

COMMENT ON COLUMN "raw_data"."user_viewing"."call_to_action" IS 'What the user clicked'
;

COMMENT ON COLUMN "raw_data"."user_viewing"."_row_id" IS 'Orders rows by run and place'
;

COMMENT ON COLUMN "raw_data"."user_viewing"."_run_id" IS 'The run that read the row, or found its key deleted'
;

COMMENT ON COLUMN "raw_data"."user_viewing"."_extracted_at" IS 'Upper bound of that run in UTC'
;

COMMENT ON COLUMN "raw_data"."user_viewing"."_is_deleted" IS 'Whether the key was deleted in the source'
;

COMMENT ON COLUMN "raw_data"."user_viewing"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "id" BIGINT,
    "user_id" BIGINT,
    "apartment_id" BIGINT,
    "viewed_at" TIMESTAMP,
    "is_wishlisted" BOOLEAN,
    "call_to_action" VARCHAR(400),
    "_row_id" BIGINT,
    "_run_id" VARCHAR(65535),
    "_extracted_at" TIMESTAMP,
    "_is_deleted" BOOLEAN
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("id", "user_id", "apartment_id", "viewed_at", "is_wishlisted", "call_to_action", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("id", "user_id", "apartment_id", "viewed_at", "is_wishlisted", "call_to_action", "_row_id", "_run_id", "_extracted_at", "_is_deleted")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

DELETE FROM "raw_data"."user_viewing" WHERE "viewed_at" >= CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) AND "viewed_at" < CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP)
;

INSERT INTO "raw_data"."user_viewing" ("id", "user_id", "apartment_id", "viewed_at", "is_wishlisted", "call_to_action", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at")
SELECT arrived."id", arrived."user_id", arrived."apartment_id", arrived."viewed_at", arrived."is_wishlisted", arrived."call_to_action", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789'
FROM "ops"."stage_0a1b2c3d_0" AS arrived
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
    WHERE step = 'load-raw'
) AS loaded
;

INSERT INTO "raw_data"."user_viewing" ("id", "user_id", "apartment_id", "viewed_at", "is_wishlisted", "call_to_action", "_row_id", "_run_id", "_extracted_at", "_is_deleted", "_loaded_at")
SELECT arrived."id", arrived."user_id", arrived."apartment_id", arrived."viewed_at", arrived."is_wishlisted", arrived."call_to_action", arrived."_row_id", arrived."_run_id", arrived."_extracted_at", arrived."_is_deleted", TIMESTAMP '2024-03-05 01:02:03.456789'
FROM "ops"."stage_0a1b2c3d_0" AS arrived
;

INSERT INTO "ops"."loads" (manifest_hash, step, run_id, loaded_at, sequence, reporting_currency) SELECT '0000000000000000000000000000000000000000000000000000000000000000', 'load-raw', '20240305T010203Z-abcdef', CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP), COALESCE(MAX(sequence), 0) + 1, CAST(NULL AS VARCHAR(MAX)) FROM "ops"."loads"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

ANALYZE "raw_data"."user_viewing"
;

DELETE FROM "raw_data"."user_viewing"
;

