SELECT
    table_name,
    read_mode,
    watermark,
    run_id
FROM ops.freshness
ORDER BY table_name
