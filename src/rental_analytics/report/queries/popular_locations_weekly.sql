SELECT
    weekly.location_rank AS place,
    weekly.city,
    weekly.state,
    weekly.bookings,
    weekly.confirmed_bookings
FROM presentation.popular_locations_weekly AS weekly
CROSS JOIN ops.run_parameters
WHERE
    weekly.location_rank <= 10
    AND weekly.week_start = CAST(DATE_TRUNC('week', run_parameters.as_of + 1) AS DATE) - 7
ORDER BY weekly.location_rank
