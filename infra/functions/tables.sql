-- The source tables of a new cluster, as docs/reference/source-tables.md describes them, with every optional column.

CREATE TABLE IF NOT EXISTS `apartments` (
  `id` BIGINT NOT NULL,
  `title` VARCHAR(255) NOT NULL,
  `source` VARCHAR(64),
  `price` DECIMAL(12,2) NOT NULL,
  `currency` VARCHAR(16) NOT NULL,
  `listing_created_on` DATETIME(6) NOT NULL,
  `is_active` TINYINT(1) NOT NULL,
  `last_modified_timestamp` DATETIME(6) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `apartments_last_modified_timestamp` (`last_modified_timestamp`)
);

CREATE TABLE IF NOT EXISTS `apartment_attributes` (
  `id` BIGINT NOT NULL,
  `category` VARCHAR(64),
  `body` TEXT,
  `amenities` TEXT,
  `bathrooms` DECIMAL(3,1),
  `bedrooms` INT,
  `fee` VARCHAR(8),
  `has_photo` VARCHAR(16),
  `pets_allowed` VARCHAR(32),
  `price_display` VARCHAR(32),
  `price_type` VARCHAR(16),
  `square_feet` INT,
  `address` VARCHAR(255),
  `cityname` VARCHAR(128),
  `state` VARCHAR(8),
  `latitude` DECIMAL(9,6),
  `longitude` DECIMAL(9,6),
  `last_modified_timestamp` DATETIME(6),
  PRIMARY KEY (`id`),
  KEY `apartment_attributes_last_modified_timestamp` (`last_modified_timestamp`)
);

CREATE TABLE IF NOT EXISTS `bookings` (
  `booking_id` BIGINT NOT NULL,
  `user_id` BIGINT NOT NULL,
  `apartment_id` BIGINT NOT NULL,
  `booking_date` DATETIME(6) NOT NULL,
  `checkin_date` DATE NOT NULL,
  `checkout_date` DATE NOT NULL,
  `total_price` DECIMAL(12,2) NOT NULL,
  `currency` VARCHAR(16) NOT NULL,
  `booking_status` VARCHAR(32) NOT NULL,
  `payment_status` VARCHAR(32),
  `num_guests` INT,
  `updated_at` DATETIME(6) NOT NULL,
  PRIMARY KEY (`booking_id`),
  KEY `bookings_updated_at` (`updated_at`)
);

CREATE TABLE IF NOT EXISTS `user_viewing` (
  `id` BIGINT NOT NULL,
  `user_id` BIGINT NOT NULL,
  `apartment_id` BIGINT NOT NULL,
  `viewed_at` DATETIME(6) NOT NULL,
  `is_wishlisted` TINYINT(1) NOT NULL,
  `call_to_action` VARCHAR(32),
  PRIMARY KEY (`id`),
  KEY `user_viewing_viewed_at` (`viewed_at`)
);
