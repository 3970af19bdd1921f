SELECT
    run_id,
    status,
    finished_at
FROM ops.runs
ORDER BY sequence DESC
LIMIT 1
