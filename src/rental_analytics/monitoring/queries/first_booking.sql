SELECT MIN(CAST(booked_at AS DATE)) AS first_day
FROM curated.bookings
WHERE NOT is_deleted
