SELECT
    table_name,
    watermark
FROM ops.freshness
ORDER BY table_name
