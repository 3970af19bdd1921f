SELECT
    run_id,
    status,
    finished_at
FROM ops.runs
WHERE sequence IS NOT NULL
ORDER BY sequence DESC
LIMIT 1
