ALTER TABLE "raw_data"."things" ADD COLUMN "added" TIMESTAMP
;

ALTER TABLE "raw_data"."things" ALTER COLUMN "title" TYPE VARCHAR(200)
;

LOCK ops.loads
;

LOCK "raw_data"."things"
;

CREATE TABLE "raw_data"."things__new" (
    "id" BIGINT NOT NULL,
    "title" VARCHAR(200),
    "price" DECIMAL(18,2),
    "added" TIMESTAMP,
    PRIMARY KEY ("id")
)
DISTSTYLE AUTO
;

INSERT INTO "raw_data"."things__new" ("id", "title", "price")
SELECT "id", "title", "price"
FROM "raw_data"."things"
;

DROP TABLE "raw_data"."things"
;

ALTER TABLE "raw_data"."things__new" RENAME TO "things"
;

CREATE TABLE "raw_data"."things__new" (
    "id" BIGINT NOT NULL,
    "title" VARCHAR(200),
    "price" DECIMAL(18,2),
    "added" TIMESTAMP,
    "old" DATE,
    PRIMARY KEY ("id")
)
DISTSTYLE AUTO
;

INSERT INTO "raw_data"."things__new" ("id", "title", "price", "old")
SELECT "id", "title", "price", "old"
FROM "raw_data"."things"
;

CREATE TABLE "raw_data"."things__new" (
    "id" BIGINT NOT NULL,
    "title" VARCHAR(200),
    "price" DECIMAL(18,2),
    "added" TIMESTAMP,
    "old" DATE,
    PRIMARY KEY ("id")
)
DISTSTYLE KEY DISTKEY ("id")
COMPOUND SORTKEY ("id")
;

SELECT 1 / CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END AS is_still_empty
FROM "raw_data"."things"
WHERE
    "price" IS NOT NULL
;

INSERT INTO "raw_data"."things__new" ("id", "title")
SELECT "id", "title"
FROM "raw_data"."things"
;

