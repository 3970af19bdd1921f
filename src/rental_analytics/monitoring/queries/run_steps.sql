SELECT
    step,
    status,
    attempt,
    CAST(seconds AS DOUBLE) AS seconds,
    rows_in,
    rows_out,
    bytes,
    error
FROM ops.steps
WHERE run_id = :run_id
ORDER BY attempt
