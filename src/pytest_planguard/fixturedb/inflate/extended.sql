-- name: objects
-- Columns in the order of their numbers, then expressions: that of the dimensions of all data.
-- {expressions} is pg_get_statisticsobjdef_expressions(s.oid) where the server has it (14).
SELECT sn.nspname || '.' || s.stxname, s.oid, tn.nspname || '.' || t.relname, t.relkind::text,
       s.stxkeys::int2[], s.stxkind::text[],
       ARRAY(SELECT a.attname::text
             FROM unnest(s.stxkeys::int2[]) WITH ORDINALITY AS k(number, position)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = k.number
             ORDER BY k.position),
       coalesce({expressions}, '{{}}')
FROM pg_catalog.pg_statistic_ext s
JOIN pg_catalog.pg_namespace sn ON sn.oid = s.stxnamespace
JOIN pg_catalog.pg_class t ON t.oid = s.stxrelid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
ORDER BY 1

-- name: begin
-- The casts let bytes be written as what they are; event triggers of the schema stay out of it.
SET LOCAL session_replication_role = replica;
SET LOCAL client_min_messages = error;
CREATE SCHEMA planguard_scratch;
CREATE CAST (bytea AS pg_ndistinct) WITHOUT FUNCTION;
CREATE CAST (bytea AS pg_dependencies) WITHOUT FUNCTION;
CREATE CAST (bytea AS pg_mcv_list) WITHOUT FUNCTION

-- name: end
DROP CAST (bytea AS pg_ndistinct);
DROP CAST (bytea AS pg_dependencies);
DROP CAST (bytea AS pg_mcv_list);
DROP SCHEMA planguard_scratch CASCADE

-- name: columns
-- Domains as what they hide: a CHECK would refuse stand-ins.
WITH RECURSIVE base AS (
  SELECT oid, oid AS base, (-1)::int AS modifier FROM pg_catalog.pg_type WHERE typtype <> 'd'
  UNION ALL
  SELECT t.oid, b.base, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE b.modifier END
  FROM pg_catalog.pg_type t JOIN base b ON t.typbasetype = b.oid
  WHERE t.typtype = 'd'
)
SELECT a.attname, CASE WHEN b.base <> b.oid THEN format_type(b.base, b.modifier) END
FROM pg_catalog.pg_attribute a JOIN base b ON b.oid = a.atttypid
WHERE a.attrelid = %(table)s::regclass AND a.attnum > 0 AND NOT a.attisdropped

-- name: analyzed
SELECT d.stxdmcv::bytea
FROM pg_catalog.pg_statistic_ext s
JOIN pg_catalog.pg_statistic_ext_data d ON d.stxoid = s.oid
WHERE s.stxname = 'combinations' AND s.stxnamespace = 'planguard_scratch'::regnamespace
  AND d.stxdmcv IS NOT NULL

-- name: items
SELECT m.values
FROM pg_catalog.pg_statistic_ext s
JOIN pg_catalog.pg_statistic_ext_data d ON d.stxoid = s.oid,
     pg_mcv_list_items(d.stxdmcv) m
WHERE s.stxname = 'combinations' AND s.stxnamespace = 'planguard_scratch'::regnamespace
ORDER BY m.index

-- name: forget
DELETE FROM pg_catalog.pg_statistic WHERE starelid = 'planguard_scratch.dimensions'::regclass

-- name: write_13
UPDATE pg_catalog.pg_statistic_ext_data
SET stxdndistinct = %(ndistinct)s::bytea::pg_ndistinct,
    stxddependencies = %(dependencies)s::bytea::pg_dependencies,
    stxdmcv = %(values)s::bytea::pg_mcv_list
WHERE stxoid = %(oid)s

-- name: write_14
UPDATE pg_catalog.pg_statistic_ext_data
SET stxdndistinct = %(ndistinct)s::bytea::pg_ndistinct,
    stxddependencies = %(dependencies)s::bytea::pg_dependencies,
    stxdmcv = %(values)s::bytea::pg_mcv_list, stxdexpr = ({expressions})
WHERE stxoid = %(oid)s

-- name: write_since_15
WITH old AS (
  DELETE FROM pg_catalog.pg_statistic_ext_data
  WHERE stxoid = %(oid)s AND stxdinherit = %(inherited)s
)
INSERT INTO pg_catalog.pg_statistic_ext_data
  (stxoid, stxdinherit, stxdndistinct, stxddependencies, stxdmcv, stxdexpr)
SELECT %(oid)s, %(inherited)s, %(ndistinct)s::bytea::pg_ndistinct,
       %(dependencies)s::bytea::pg_dependencies, %(values)s::bytea::pg_mcv_list, ({expressions})

-- name: expressions
-- The scratch table's column numbers follow the dimensions; one without statistics is NULL.
SELECT array_agg(s ORDER BY a.attnum)
FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_statistic s ON s.starelid = a.attrelid AND s.staattnum = a.attnum
WHERE a.attrelid = 'planguard_scratch.dimensions'::regclass AND a.attnum > {first}
