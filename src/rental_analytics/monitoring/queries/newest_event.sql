WITH loaded AS (
    SELECT
        MAX(runs.sequence) AS sequence,
        MAX(loads.loaded_at) AS loaded_at
    FROM ops.loads AS loads
    INNER JOIN ops.runs AS runs ON loads.run_id = runs.run_id
    WHERE loads.step = 'load-curated'
),

bounds AS (
    SELECT
        MAX(loaded.loaded_at) AS loaded_at,
        MAX(proofs.window_upper) AS upper_bound
    FROM loaded
    LEFT JOIN ops.runs AS runs ON loaded.sequence >= runs.sequence
    LEFT JOIN ops.proofs AS proofs ON runs.run_id = proofs.run_id
)

SELECT MAX(events.:moment) AS newest_event
FROM curated.:table AS events
CROSS JOIN bounds
WHERE events.:moment <= COALESCE(bounds.upper_bound, bounds.loaded_at)
