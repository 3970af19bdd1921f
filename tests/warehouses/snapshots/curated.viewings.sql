CREATE TABLE IF NOT EXISTS "curated"."viewings" (
    "user_id" BIGINT,
    "listing_id" BIGINT NOT NULL,
    "viewed_at" TIMESTAMP NOT NULL,
    "is_wishlisted" BOOLEAN,
    "call_to_action" VARCHAR(2048),
    "_run_id" VARCHAR(100) NOT NULL,
    "_loaded_at" TIMESTAMP NOT NULL
)
DISTSTYLE KEY DISTKEY ("listing_id")
COMPOUND SORTKEY ("viewed_at")
;

COMMENT ON TABLE "curated"."viewings" IS 'Views of listings by users.'
;

COMMENT ON COLUMN "curated"."viewings"."user_id" IS 'Who looked; NULL for one who was not signed in'
;

COMMENT ON COLUMN "curated"."viewings"."listing_id" IS 'The listing looked at'
;

COMMENT ON COLUMN "curated"."viewings"."viewed_at" IS 'When in UTC'
;

COMMENT ON COLUMN "curated"."viewings"."is_wishlisted" IS 'Whether the user put the listing on the wish list'
;

COMMENT ON COLUMN "curated"."viewings"."call_to_action" IS 'What the user clicked'
;

COMMENT ON COLUMN "curated"."viewings"."_run_id" IS 'The run that read the row, or found its key deleted'
;

COMMENT ON COLUMN "curated"."viewings"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "user_id" BIGINT,
    "listing_id" BIGINT,
    "viewed_at" TIMESTAMP,
    "is_wishlisted" BOOLEAN,
    "call_to_action" VARCHAR(2048),
    "_run_id" VARCHAR(100)
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("user_id", "listing_id", "viewed_at", "is_wishlisted", "call_to_action", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("user_id", "listing_id", "viewed_at", "is_wishlisted", "call_to_action", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

DELETE FROM "curated"."viewings" WHERE "viewed_at" >= CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP) AND "viewed_at" < CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP)
;

INSERT INTO "curated"."viewings" ("user_id", "listing_id", "viewed_at", "is_wishlisted", "call_to_action", "_run_id", "_loaded_at")
SELECT arrived."user_id", arrived."listing_id", arrived."viewed_at", arrived."is_wishlisted", arrived."call_to_action", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789'
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

INSERT INTO "curated"."viewings" ("user_id", "listing_id", "viewed_at", "is_wishlisted", "call_to_action", "_run_id", "_loaded_at")
SELECT arrived."user_id", arrived."listing_id", arrived."viewed_at", arrived."is_wishlisted", arrived."call_to_action", arrived."_run_id", TIMESTAMP '2024-03-05 01:02:03.456789'
FROM "ops"."stage_0a1b2c3d_0" AS arrived
;

INSERT INTO "ops"."loads" (manifest_hash, step, run_id, loaded_at, sequence, reporting_currency) SELECT '0000000000000000000000000000000000000000000000000000000000000000', 'load-curated', '20240305T010203Z-abcdef', CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP), COALESCE(MAX(sequence), 0) + 1, 'EUR' FROM "ops"."loads"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

ANALYZE "curated"."viewings"
;

DELETE FROM "curated"."viewings"
;

