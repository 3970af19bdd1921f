SELECT
    run_id,
    status,
    started_at,
    finished_at,
    as_of,
    engine,
    full_refresh,
    error
FROM ops.runs
WHERE run_id = :run_id
