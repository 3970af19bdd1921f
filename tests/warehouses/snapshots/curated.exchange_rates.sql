CREATE TABLE IF NOT EXISTS "curated"."exchange_rates" (
    "rate_date" DATE NOT NULL,
    "currency" VARCHAR(16) NOT NULL,
    "rate" DECIMAL(20,12) NOT NULL,
    "_run_id" VARCHAR(100) NOT NULL,
    "_loaded_at" TIMESTAMP NOT NULL,
    PRIMARY KEY ("rate_date", "currency")
)
DISTSTYLE ALL
COMPOUND SORTKEY ("currency", "rate_date")
;

COMMENT ON TABLE "curated"."exchange_rates" IS 'What a unit of a currency was worth in the reporting currency: European Central Bank reference rates, carried forward over days without a fixing, for 14 days at most while other currencies have fixings. A currency that joined the euro keeps its irrevocable rate.'
;

COMMENT ON COLUMN "curated"."exchange_rates"."rate_date" IS 'The day the rate holds for'
;

COMMENT ON COLUMN "curated"."exchange_rates"."currency" IS 'ISO 4217 code'
;

COMMENT ON COLUMN "curated"."exchange_rates"."rate" IS 'Units of the reporting currency for one unit of the currency'
;

COMMENT ON COLUMN "curated"."exchange_rates"."_run_id" IS 'The run that read the row, or found its key deleted'
;

COMMENT ON COLUMN "curated"."exchange_rates"."_loaded_at" IS 'Start of the run that loaded the row, or flagged it, in UTC'
;

CREATE TABLE "ops"."stage_0a1b2c3d_0" (
    "rate_date" DATE,
    "currency" VARCHAR(16),
    "rate" DECIMAL(20,12),
    "_run_id" VARCHAR(100)
)
DISTSTYLE AUTO
;

COPY "ops"."stage_0a1b2c3d_0" ("rate_date", "currency", "rate", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE 'arn:aws:iam::123456789012:role/copy'
FORMAT AS PARQUET
MANIFEST
;

COPY "ops"."stage_0a1b2c3d_0" ("rate_date", "currency", "rate", "_run_id")
FROM 's3://bucket/lake/drafts/engine-0/0.manifest'
IAM_ROLE default
FORMAT AS PARQUET
MANIFEST
;

INSERT INTO "curated"."exchange_rates" ("rate_date", "currency", "rate", "_run_id", "_loaded_at")
SELECT arrived."rate_date", arrived."currency", arrived."rate", CAST(NULL AS DATE), TIMESTAMP '2024-03-05 01:02:03.456789'
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

INSERT INTO "curated"."exchange_rates" ("rate_date", "currency", "rate", "_run_id", "_loaded_at")
SELECT arrived."rate_date", arrived."currency", arrived."rate", arrived."_run_id", TIMESTAMP '2024-03-05 01:02:03.456789'
FROM "ops"."stage_0a1b2c3d_0" AS arrived
;

INSERT INTO "ops"."loads" (manifest_hash, step, run_id, loaded_at, sequence, reporting_currency) SELECT '0000000000000000000000000000000000000000000000000000000000000000', 'load-curated', '20240305T010203Z-abcdef', CAST('2024-03-05 01:02:03.456789' AS TIMESTAMP), COALESCE(MAX(sequence), 0) + 1, 'EUR' FROM "ops"."loads"
;

DROP TABLE IF EXISTS "ops"."stage_0a1b2c3d_0"
;

ANALYZE "curated"."exchange_rates"
;

DELETE FROM "curated"."exchange_rates"
;

