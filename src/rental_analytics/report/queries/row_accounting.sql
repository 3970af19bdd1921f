SELECT
    row_accounting.table_name,
    row_accounting.extracted,
    row_accounting.curated,
    row_accounting.superseded,
    row_accounting.rejected
FROM ops.row_accounting
INNER JOIN ops.run_parameters ON row_accounting.run_id = run_parameters.run_id
ORDER BY row_accounting.table_name
