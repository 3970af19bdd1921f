SELECT
    run_parameters.as_of,
    run_parameters.reporting_currency,
    runs.run_id,
    runs.finished_at
FROM ops.run_parameters
LEFT JOIN ops.runs ON run_parameters.run_id = runs.run_id
