WITH nights AS (
    SELECT
        month_start,
        SUM(booked_nights) AS booked_nights,
        SUM(available_nights) AS available_nights
    FROM intermediate.city_nights_monthly
    GROUP BY month_start
)

SELECT
    months.month_start,
    CAST(COALESCE(nights.booked_nights, 0) AS BIGINT) AS booked_nights,
    CAST(COALESCE(nights.available_nights, 0) AS BIGINT) AS available_nights
FROM intermediate.months AS months
CROSS JOIN ops.run_parameters AS run_parameters
LEFT JOIN nights ON months.month_start = nights.month_start
WHERE
    months.month_start <= run_parameters.as_of
    AND months.month_start >= (SELECT MIN(month_start) FROM intermediate.city_nights_monthly)
