SELECT
    step,
    status,
    attempt,
    seconds,
    rows_in,
    rows_out,
    bytes,
    LEFT(error, 100) AS error
FROM ops.steps
WHERE run_id = :run_id
ORDER BY started_at
