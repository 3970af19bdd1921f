SELECT
    table_name,
    check_name,
    severity,
    failed_rows,
    sample
FROM ops.check_results
WHERE run_id = :run_id AND failed_rows > 0
ORDER BY table_name, check_name
