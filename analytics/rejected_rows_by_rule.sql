-- Which rules reject rows, and does it get better?
--
-- How to read it: the rules that rejected a row, of the last run and of all before it. A row may break
-- several rules. rejected_percent is of the rows of the table that the last run read. The sample is the key
-- of one row of the last run: SELECT row_json FROM ops.rejected_rows WHERE row_key = ... shows it whole.
-- Correct it in the source, and the next run takes it.
WITH last_run AS (
    SELECT MAX(sequence) AS sequence
    FROM ops.runs
    WHERE status = 'succeeded'
),

checked AS (
    SELECT
        results.table_name,
        results.check_name,
        results.failed_rows,
        results.sample,
        accounting.extracted,
        CASE WHEN runs.sequence = last_run.sequence THEN 1 ELSE 0 END AS is_last
    FROM ops.check_results AS results
    INNER JOIN ops.runs AS runs ON results.run_id = runs.run_id
    CROSS JOIN last_run
    LEFT JOIN ops.row_accounting AS accounting
        ON results.run_id = accounting.run_id AND results.table_name = accounting.table_name
    WHERE results.severity = 'reject' AND results.failed_rows > 0 AND runs.sequence <= last_run.sequence
)

SELECT
    table_name,
    check_name,
    SUM(is_last * failed_rows) AS rejected_in_last_run,
    SUM((1 - is_last) * failed_rows) AS rejected_before,
    ROUND(
        100.0 * SUM(is_last * failed_rows) / NULLIF(SUM(is_last * extracted), 0), 1
    ) AS rejected_percent,
    MAX(CASE WHEN is_last = 1 THEN sample END) AS sample
FROM checked
GROUP BY table_name, check_name
ORDER BY SUM(is_last * failed_rows) DESC, SUM((1 - is_last) * failed_rows) DESC, table_name ASC, check_name ASC
