WITH first_night AS (
    SELECT MIN(change_date) AS first_date FROM intermediate.night_changes
),

nights AS (
    SELECT
        month_start,
        SUM(booked_nights) AS booked_nights
    FROM intermediate.city_nights_monthly
    GROUP BY month_start
),

-- A year is whole if it lies between the first night on offer and as_of.
whole_years AS (
    SELECT CAST(YEAR(months.month_start) AS INTEGER) AS whole_year
    FROM intermediate.months AS months
    CROSS JOIN first_night
    CROSS JOIN ops.run_parameters AS run_parameters
    WHERE
        months.month_start >= first_night.first_date
        AND months.next_month_start <= CAST(run_parameters.as_of + INTERVAL 1 DAY AS DATE)
    GROUP BY CAST(YEAR(months.month_start) AS INTEGER)
    HAVING COUNT(*) = 12
),

month_nights AS (
    SELECT
        CAST(MONTH(months.month_start) AS INTEGER) AS month_of_year,
        COALESCE(nights.booked_nights, 0) AS booked_nights
    FROM intermediate.months AS months
    INNER JOIN whole_years ON CAST(YEAR(months.month_start) AS INTEGER) = whole_years.whole_year
    LEFT JOIN nights ON months.month_start = nights.month_start
)

SELECT
    month_of_year,
    CAST(COUNT(*) AS INTEGER) AS years,
    CAST(SUM(booked_nights) AS BIGINT) AS booked_nights,
    CAST(SUM(booked_nights) * 12 AS BIGINT) AS _twelvefold,
    CAST(SUM(SUM(booked_nights)) OVER () AS BIGINT) AS all_booked_nights
FROM month_nights
GROUP BY month_of_year
HAVING COUNT(*) >= 2
