SELECT
    run_id,
    status,
    started_at,
    CAST(DATE_DIFF('second', started_at, finished_at) AS INTEGER) AS seconds,
    as_of,
    engine,
    full_refresh,
    error
FROM ops.runs
ORDER BY sequence DESC
LIMIT 20
