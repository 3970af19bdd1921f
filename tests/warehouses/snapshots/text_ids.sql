CREATE TABLE IF NOT EXISTS "curated"."booking_versions" (
    "booking_id" VARCHAR(64) NOT NULL,
    "valid_from" TIMESTAMP NOT NULL,
    "status" VARCHAR(16),
    "checkin_date" DATE,
    "checkout_date" DATE,
    "reporting_total_price" DECIMAL(18,2),
    PRIMARY KEY ("booking_id", "valid_from")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "curated"."bookings" (
    "booking_id" VARCHAR(64) NOT NULL,
    "user_id" VARCHAR(64),
    "listing_id" VARCHAR(64),
    "booked_at" TIMESTAMP,
    "checkin_date" DATE,
    "checkout_date" DATE,
    "stay_nights" INTEGER,
    "lead_days" INTEGER,
    "total_price" DECIMAL(18,2),
    "currency" VARCHAR(16),
    "reporting_total_price" DECIMAL(18,2),
    "status" VARCHAR(16),
    "payment_status" VARCHAR(1024),
    "guests" BIGINT,
    "modified_at" TIMESTAMP,
    PRIMARY KEY ("booking_id")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "curated"."listing_attributes" (
    "listing_id" VARCHAR(64) NOT NULL,
    "category" VARCHAR(2048),
    "body" VARCHAR(65535),
    "amenities" VARCHAR(65535),
    "amenity_count" INTEGER,
    "bathrooms" DECIMAL(18,2),
    "bedrooms" BIGINT,
    "fee" VARCHAR(1024),
    "has_photo" BOOLEAN,
    "pets_allowed" VARCHAR(1024),
    "price_type" VARCHAR(1024),
    "square_feet" BIGINT,
    "address" VARCHAR(8192),
    "city" VARCHAR(2048),
    "state" VARCHAR(1024),
    "latitude" DOUBLE PRECISION,
    "longitude" DOUBLE PRECISION,
    PRIMARY KEY ("listing_id")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "curated"."listing_versions" (
    "listing_id" VARCHAR(64) NOT NULL,
    "valid_from" TIMESTAMP NOT NULL,
    "reporting_price" DECIMAL(18,2),
    "is_active" BOOLEAN,
    "is_assumed" BOOLEAN,
    PRIMARY KEY ("listing_id", "valid_from")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "curated"."listings" (
    "listing_id" VARCHAR(64) NOT NULL,
    "title" VARCHAR(8192),
    "source" VARCHAR(2048),
    "price" DECIMAL(18,2),
    "currency" VARCHAR(16),
    "reporting_price" DECIMAL(18,2),
    "created_at" TIMESTAMP,
    "is_active" BOOLEAN,
    "modified_at" TIMESTAMP,
    PRIMARY KEY ("listing_id")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "curated"."viewings" (
    "user_id" VARCHAR(64),
    "listing_id" VARCHAR(64),
    "viewed_at" TIMESTAMP,
    "is_wishlisted" BOOLEAN,
    "call_to_action" VARCHAR(2048)
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "intermediate"."active_listing_weeks" (
    "listing_id" VARCHAR(64) NOT NULL,
    "start_week" DATE NOT NULL,
    "end_week" DATE,
    "reporting_price" DECIMAL(18,2),
    PRIMARY KEY ("listing_id", "start_week")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "intermediate"."confirmed_versions" (
    "booking_id" VARCHAR(64) NOT NULL,
    "valid_from" TIMESTAMP NOT NULL,
    "checkin_date" DATE,
    "checkout_date" DATE,
    "reporting_total_price" DECIMAL(18,2),
    "start_date" DATE,
    "end_date" DATE,
    PRIMARY KEY ("booking_id", "valid_from")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "intermediate"."listing_cities" (
    "listing_id" VARCHAR(64) NOT NULL,
    "city" VARCHAR(2048),
    "state" VARCHAR(1024),
    PRIMARY KEY ("listing_id")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "intermediate"."listing_night_periods" (
    "listing_id" VARCHAR(64) NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "start_date" DATE NOT NULL,
    "end_date" DATE,
    PRIMARY KEY ("listing_id", "kind", "start_date")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "presentation"."bookings_per_user_weekly" (
    "week_start" DATE NOT NULL,
    "user_id" VARCHAR(64) NOT NULL,
    "bookings" BIGINT,
    "canceled_bookings" BIGINT,
    PRIMARY KEY ("week_start", "user_id")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "presentation"."top_listings_weekly" (
    "week_start" DATE NOT NULL,
    "revenue_rank" INTEGER NOT NULL,
    "listing_id" VARCHAR(64),
    "title" VARCHAR(8192),
    "city" VARCHAR(2048),
    "state" VARCHAR(1024),
    "confirmed_bookings" BIGINT,
    "confirmed_revenue" DECIMAL(18,2),
    "currency" VARCHAR(16),
    PRIMARY KEY ("week_start", "revenue_rank")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "intermediate"."stay_prices" (
    "kind" VARCHAR(16) NOT NULL,
    "booking_id" VARCHAR(64) NOT NULL,
    "valid_from" TIMESTAMP NOT NULL,
    "listing_id" VARCHAR(64),
    "checkin_date" DATE,
    "end_date" DATE,
    "cents_each" BIGINT,
    "cents_over" BIGINT,
    PRIMARY KEY ("kind", "booking_id", "valid_from")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "intermediate"."stay_months" (
    "kind" VARCHAR(16) NOT NULL,
    "booking_id" VARCHAR(64) NOT NULL,
    "valid_from" TIMESTAMP NOT NULL,
    "month_start" DATE NOT NULL,
    "listing_id" VARCHAR(64),
    "nights" BIGINT,
    "revenue" DECIMAL(18,2),
    PRIMARY KEY ("kind", "booking_id", "valid_from", "month_start")
)
DISTSTYLE AUTO
;

CREATE TABLE IF NOT EXISTS "presentation"."revenue_per_listing_monthly" (
    "month_start" DATE NOT NULL,
    "listing_id" VARCHAR(64) NOT NULL,
    "nights" BIGINT,
    "available_nights" BIGINT,
    "revenue" DECIMAL(18,2),
    "adr" DECIMAL(18,2),
    "occupancy_rate" DECIMAL(9,6),
    "currency" VARCHAR(16),
    PRIMARY KEY ("month_start", "listing_id")
)
DISTSTYLE AUTO
;

LOCK ops.loads
;

LOCK "curated"."things"
;

CREATE TABLE "curated"."things__new" (
    "listing_id" VARCHAR(64) NOT NULL,
    "user_id" VARCHAR(64),
    PRIMARY KEY ("listing_id")
)
DISTSTYLE AUTO
;

INSERT INTO "curated"."things__new" ("listing_id", "user_id")
SELECT CAST("listing_id" AS VARCHAR), CAST("user_id" AS VARCHAR)
FROM "curated"."things"
WHERE
    CAST("listing_id" AS VARCHAR) IS NOT NULL
;

DROP TABLE "curated"."things"
;

ALTER TABLE "curated"."things__new" RENAME TO "things"
;

CREATE TABLE "curated"."things__new" (
    "listing_id" BIGINT NOT NULL,
    "user_id" BIGINT,
    PRIMARY KEY ("listing_id")
)
DISTSTYLE AUTO
;

INSERT INTO "curated"."things__new" ("listing_id", "user_id")
SELECT CASE WHEN "listing_id" SIMILAR TO '(0|-?[1-9][0-9]{0,37})' THEN CASE WHEN CAST("listing_id" AS DECIMAL(38,0)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(CAST("listing_id" AS DECIMAL(38,0)) AS BIGINT) END END, CASE WHEN "user_id" SIMILAR TO '(0|-?[1-9][0-9]{0,37})' THEN CASE WHEN CAST("user_id" AS DECIMAL(38,0)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(CAST("user_id" AS DECIMAL(38,0)) AS BIGINT) END END
FROM "curated"."things"
WHERE
    CASE WHEN "listing_id" SIMILAR TO '(0|-?[1-9][0-9]{0,37})' THEN CASE WHEN CAST("listing_id" AS DECIMAL(38,0)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(CAST("listing_id" AS DECIMAL(38,0)) AS BIGINT) END END IS NOT NULL
;

