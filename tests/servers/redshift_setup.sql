-- What every database of the stand-in for Amazon Redshift starts with.
CREATE SCHEMA redshift_stand_in;
GRANT USAGE ON SCHEMA redshift_stand_in TO PUBLIC;

-- Texts that differ in trailing blanks are one, as PostgreSQL has it for CHAR: to = and <> of statements, which look here
-- ahead of pg_catalog, and to all that sorts or groups. LIKE, lengths and what is put together keep blanks.
CREATE FUNCTION redshift_stand_in.is_same(text, text) RETURNS boolean
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE internal AS 'bpchareq';
CREATE FUNCTION redshift_stand_in.is_other(text, text) RETURNS boolean
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE internal AS 'bpcharne';
CREATE FUNCTION redshift_stand_in.is_less(text, text) RETURNS boolean
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE internal AS 'bpcharlt';
CREATE FUNCTION redshift_stand_in.is_at_most(text, text) RETURNS boolean
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE internal AS 'bpcharle';
CREATE FUNCTION redshift_stand_in.is_at_least(text, text) RETURNS boolean
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE internal AS 'bpcharge';
CREATE FUNCTION redshift_stand_in.is_more(text, text) RETURNS boolean
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE internal AS 'bpchargt';
CREATE FUNCTION redshift_stand_in.compare(text, text) RETURNS int
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE internal AS 'bpcharcmp';
CREATE FUNCTION redshift_stand_in.hash(text) RETURNS int
IMMUTABLE STRICT PARALLEL SAFE LANGUAGE internal AS 'hashbpchar';
CREATE OPERATOR redshift_stand_in.= (
    leftarg = text, rightarg = text, function = redshift_stand_in.is_same, restrict = eqsel, join = eqjoinsel,
    commutator = OPERATOR(redshift_stand_in.=), negator = OPERATOR(redshift_stand_in.<>), hashes, merges
);
CREATE OPERATOR redshift_stand_in.<> (
    leftarg = text, rightarg = text, function = redshift_stand_in.is_other, restrict = neqsel, join = neqjoinsel,
    commutator = OPERATOR(redshift_stand_in.<>), negator = OPERATOR(redshift_stand_in.=)
);
CREATE OPERATOR redshift_stand_in.< (leftarg = text, rightarg = text, function = redshift_stand_in.is_less);
CREATE OPERATOR redshift_stand_in.<= (leftarg = text, rightarg = text, function = redshift_stand_in.is_at_most);
CREATE OPERATOR redshift_stand_in.>= (leftarg = text, rightarg = text, function = redshift_stand_in.is_at_least);
CREATE OPERATOR redshift_stand_in.> (leftarg = text, rightarg = text, function = redshift_stand_in.is_more);
UPDATE pg_catalog.pg_opclass SET opcdefault = false WHERE opcname = 'text_ops' AND opcmethod IN (
    SELECT oid FROM pg_catalog.pg_am WHERE amname IN ('btree', 'hash')
);
CREATE OPERATOR CLASS redshift_stand_in.texts DEFAULT FOR TYPE text USING btree AS
    OPERATOR 1 redshift_stand_in.<, OPERATOR 2 redshift_stand_in.<=, OPERATOR 3 redshift_stand_in.=,
    OPERATOR 4 redshift_stand_in.>=, OPERATOR 5 redshift_stand_in.>, FUNCTION 1 redshift_stand_in.compare(text, text);
CREATE OPERATOR CLASS redshift_stand_in.texts DEFAULT FOR TYPE text USING hash AS
    OPERATOR 1 redshift_stand_in.=, FUNCTION 1 redshift_stand_in.hash(text);

CREATE TABLE redshift_stand_in.table_layout (
    "schema" text, "table" text, diststyle text, distkey text, sortkeys text, keys text,
    PRIMARY KEY ("schema", "table")
);

-- For a test to say how Redshift has compressed a column.
CREATE TABLE redshift_stand_in.column_encoding (
    "schema" text, "table" text, "column" text, encoding text, PRIMARY KEY ("schema", "table", "column")
);

-- What Redshift's catalogue has and PostgreSQL's has not: keys that nobody enforces.
CREATE VIEW redshift_stand_in.pg_constraint AS
SELECT c.oid, c.oid AS conrelid, 'p' AS contype
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
INNER JOIN redshift_stand_in.table_layout AS l ON n.nspname = l."schema" AND c.relname = l."table" AND l.keys <> '';
CREATE FUNCTION redshift_stand_in.constraint_definition(oid) RETURNS text STABLE STRICT LANGUAGE sql AS $$
    SELECT 'PRIMARY KEY (' || l.keys || ')'
    FROM pg_catalog.pg_class AS c
    INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
    INNER JOIN redshift_stand_in.table_layout AS l ON n.nspname = l."schema" AND c.relname = l."table"
    WHERE c.oid = $1
$$;
GRANT SELECT ON redshift_stand_in.pg_constraint TO PUBLIC;

GRANT ALL ON redshift_stand_in.table_layout, redshift_stand_in.column_encoding TO PUBLIC;
CREATE TABLE redshift_stand_in.owner_rights ("right" text, "schema" text, grantee text);
GRANT SELECT ON redshift_stand_in.owner_rights TO PUBLIC;

CREATE TABLE public.sys_load_error_detail (
    user_id int, query_id bigint, transaction_id bigint, session_id int, database_name varchar(64), table_id int,
    start_time timestamp, file_name varchar(1024), line_number bigint, column_name varchar(128),
    column_type varchar(64), error_code int, error_message varchar(512)
);
GRANT SELECT ON public.sys_load_error_detail TO PUBLIC;

-- Boundaries passed, not time elapsed; weeks start on Monday.
CREATE FUNCTION redshift_stand_in.datediff(unit text, earlier timestamp, later timestamp) RETURNS bigint
IMMUTABLE STRICT LANGUAGE sql AS $$
    SELECT CASE
        WHEN months > 0 THEN
            ((extract(year FROM later) * 12 + extract(month FROM later) - 1)::bigint / months)
            - ((extract(year FROM earlier) * 12 + extract(month FROM earlier) - 1)::bigint / months)
        ELSE (extract(epoch FROM date_trunc(unit, later) - date_trunc(unit, earlier)) / seconds)::bigint
    END
    FROM (SELECT
        CASE unit WHEN 'year' THEN 12 WHEN 'quarter' THEN 3 WHEN 'month' THEN 1 ELSE 0 END AS months,
        CASE unit WHEN 'week' THEN 604800 WHEN 'day' THEN 86400 WHEN 'hour' THEN 3600 WHEN 'minute' THEN 60
            ELSE 1 END AS seconds) AS sizes
$$;

CREATE FUNCTION redshift_stand_in.dateadd(unit text, number bigint, start timestamp) RETURNS timestamp
IMMUTABLE STRICT LANGUAGE sql AS $$
    SELECT start + number * CASE unit WHEN 'quarter' THEN interval '3 months' ELSE ('1 ' || unit)::interval END
$$;

CREATE FUNCTION redshift_stand_in.sha2(value text, bits int) RETURNS text IMMUTABLE STRICT LANGUAGE sql AS $$
    SELECT encode(CASE bits WHEN 512 THEN sha512(convert_to(value, 'UTF8')) ELSE sha256(convert_to(value, 'UTF8')) END,
        'hex')
$$;

CREATE FUNCTION redshift_stand_in.left_bytes(value text, bytes int) RETURNS text IMMUTABLE STRICT LANGUAGE sql AS $$
    SELECT CASE WHEN octet_length(value) <= bytes THEN value ELSE (
        SELECT max(left(value, kept)) FROM generate_series(0, bytes) AS kept WHERE octet_length(left(value, kept)) <= bytes
    ) END
$$;

CREATE FUNCTION redshift_stand_in.round(double precision, int) RETURNS double precision
IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT pg_catalog.round($1::numeric, $2)::double precision $$;
CREATE FUNCTION redshift_stand_in.round(int, int) RETURNS numeric
IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT pg_catalog.round($1::numeric, $2) $$;
CREATE FUNCTION redshift_stand_in.round(bigint, int) RETURNS numeric
IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT pg_catalog.round($1::numeric, $2) $$;
CREATE FUNCTION redshift_stand_in.trunc(timestamp) RETURNS date
IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT $1::date $$;

-- A cast of a decimal cuts (enable_numeric_rounding is off); a cast of anything else is PostgreSQL's.
CREATE FUNCTION redshift_stand_in.cut(numeric, int) RETURNS numeric
IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT pg_catalog.trunc($1, $2) $$;
CREATE FUNCTION redshift_stand_in.cut(double precision, int) RETURNS double precision
IMMUTABLE LANGUAGE sql AS $$ SELECT $1 $$;
CREATE FUNCTION redshift_stand_in.cut(smallint, int) RETURNS smallint IMMUTABLE LANGUAGE sql AS $$ SELECT $1 $$;
CREATE FUNCTION redshift_stand_in.cut(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS $$ SELECT $1 $$;
CREATE FUNCTION redshift_stand_in.cut(bigint, int) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$ SELECT $1 $$;
CREATE FUNCTION redshift_stand_in.cut(boolean, int) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$ SELECT $1 $$;
CREATE FUNCTION redshift_stand_in.cut(text, int) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT $1 $$;

-- The average of whole numbers is a whole number.
CREATE FUNCTION redshift_stand_in.add_to_average(numeric[], smallint) RETURNS numeric[]
IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT ARRAY[$1[1] + $2, $1[2] + 1] $$;
CREATE FUNCTION redshift_stand_in.add_to_average(numeric[], int) RETURNS numeric[]
IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT ARRAY[$1[1] + $2, $1[2] + 1] $$;
CREATE FUNCTION redshift_stand_in.add_to_average(numeric[], bigint) RETURNS numeric[]
IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT ARRAY[$1[1] + $2, $1[2] + 1] $$;
CREATE FUNCTION redshift_stand_in.whole_average(numeric[]) RETURNS bigint
IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT CASE WHEN $1[2] > 0 THEN pg_catalog.trunc($1[1] / $1[2])::bigint END $$;
CREATE AGGREGATE redshift_stand_in.average(smallint) (
    sfunc = redshift_stand_in.add_to_average, stype = numeric[], initcond = '{0,0}',
    finalfunc = redshift_stand_in.whole_average
);
CREATE AGGREGATE redshift_stand_in.average(int) (
    sfunc = redshift_stand_in.add_to_average, stype = numeric[], initcond = '{0,0}',
    finalfunc = redshift_stand_in.whole_average
);
CREATE AGGREGATE redshift_stand_in.average(bigint) (
    sfunc = redshift_stand_in.add_to_average, stype = numeric[], initcond = '{0,0}',
    finalfunc = redshift_stand_in.whole_average
);
CREATE AGGREGATE redshift_stand_in.average(numeric) (
    sfunc = numeric_avg_accum, stype = internal, finalfunc = numeric_avg
);
CREATE AGGREGATE redshift_stand_in.average(double precision) (
    sfunc = float8_accum, stype = double precision[], initcond = '{0,0,0}', finalfunc = float8_avg
);

-- A strict function never sees NULL, so these are FIRST_VALUE and LAST_VALUE ... IGNORE NULLS.
CREATE FUNCTION redshift_stand_in.keep_first(anyelement, anyelement) RETURNS anyelement
IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT $1 $$;
CREATE FUNCTION redshift_stand_in.keep_last(anyelement, anyelement) RETURNS anyelement
IMMUTABLE STRICT LANGUAGE sql AS $$ SELECT $2 $$;
CREATE AGGREGATE redshift_stand_in.first_known(anyelement) (sfunc = redshift_stand_in.keep_first, stype = anyelement);
CREATE AGGREGATE redshift_stand_in.last_known(anyelement) (sfunc = redshift_stand_in.keep_last, stype = anyelement);

CREATE FUNCTION redshift_stand_in.grow(target text, column_name text, bytes int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    present int;
    old_check text;
    encoded record;
BEGIN
    SELECT e."table", e.encoding INTO encoded FROM redshift_stand_in.column_encoding AS e
    WHERE to_regclass(format('%I.%I', e."schema", e."table")) = target::regclass AND e."column" = column_name
        AND upper(e.encoding) IN ('BYTEDICT', 'RUNLENGTH', 'TEXT255', 'TEXT32K');
    IF FOUND THEN
        RAISE EXCEPTION 'cannot alter column "%" of relation "%" with encode type "%"', column_name, encoded."table",
            lower(encoded.encoding);
    END IF;
    SELECT atttypmod - 4 INTO present FROM pg_attribute
    WHERE attrelid = target::regclass AND attname = column_name AND atttypid = 'varchar'::regtype AND NOT attisdropped;
    IF present IS NULL OR bytes < present THEN
        RAISE EXCEPTION 'cannot alter type of column "%": only a longer VARCHAR is possible', column_name;
    END IF;
    SELECT conname INTO old_check FROM pg_catalog.pg_constraint JOIN pg_attribute ON attrelid = conrelid AND conkey = ARRAY[attnum]
    WHERE conrelid = target::regclass AND attname = column_name AND contype = 'c';
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', target, old_check);
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE varchar(%s)', target, column_name, bytes);
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (octet_length(%I) <= %s)', target,
        'bytes_' || bytes || '_' || md5(column_name), column_name, bytes);
END
$$;
