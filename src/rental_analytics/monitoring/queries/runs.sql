WITH runs AS (
    SELECT runs.*:absent_columns FROM ops.runs AS runs
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
        WHEN runs.sequence IS NULL THEN 'not begun'
        WHEN runs.backfill_from IS NOT NULL
            THEN
                'backfill ' || CAST(runs.backfill_from AS VARCHAR)
                || ' to ' || CAST(runs.backfill_to AS VARCHAR)
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
    runs.error,
    runs.reason,
    runs.sequence,
    runs.follows
FROM runs
LEFT JOIN rejections ON runs.run_id = rejections.run_id
WHERE :run_id IN ('', runs.run_id)
ORDER BY
    COALESCE(runs.sequence, runs.follows) DESC,
    CASE WHEN runs.sequence IS NULL THEN 1 ELSE 0 END DESC,
    runs.started_at DESC
LIMIT 21
