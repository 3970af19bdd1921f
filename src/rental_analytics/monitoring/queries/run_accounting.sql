SELECT
    table_name,
    extracted,
    curated,
    superseded,
    rejected
FROM ops.row_accounting
WHERE run_id = :run_id
ORDER BY table_name
