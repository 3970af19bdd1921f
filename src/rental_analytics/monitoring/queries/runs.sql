-- A warehouse that no run has opened since these columns came does not have them.
WITH runs AS (
    SELECT * FROM ops.runs
    UNION ALL BY NAME
    SELECT
        CAST(NULL AS DATE) AS backfill_from,
        CAST(NULL AS DATE) AS backfill_to
    WHERE FALSE
),

rejections AS (
    SELECT
        run_id,
        CAST(SUM(rejected) AS BIGINT) AS rejected
    FROM ops.row_accounting
    GROUP BY run_id
)

SELECT
    runs.run_id,
    runs.status,
    CASE
        WHEN runs.backfill_from IS NOT NULL
            THEN 'backfill ' || runs.backfill_from || ' to ' || runs.backfill_to
        WHEN runs.full_refresh THEN 'full refresh'
        ELSE 'changes'
    END AS kind,
    runs.started_at,
    CAST(DATE_DIFF('second', runs.started_at, runs.finished_at) AS INTEGER) AS seconds,
    runs.as_of,
    rejections.rejected,
    runs.engine,
    runs.full_refresh,
    runs.backfill_from,
    runs.backfill_to,
    runs.error
FROM runs
LEFT JOIN rejections ON runs.run_id = rejections.run_id
WHERE :run_id IN ('', runs.run_id)
ORDER BY runs.sequence DESC
LIMIT 21
