-- name: neutral
-- Bounds and defaults print dates: the session's own style must not show in them.
SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true),
       set_config('IntervalStyle', 'postgres', true), set_config('extra_float_digits', '1', true)

-- name: server
-- The locale's column was renamed in 17 and is new in 15; to_jsonb reads whichever is there.
SELECT current_setting('server_version_num')::int,
       split_part(current_setting('server_version'), ' ', 1),
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', d.datcollate::text),
       CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin'
            ELSE 'libc' END
FROM pg_catalog.pg_database d
WHERE d.datname = current_database()

-- name: settings
SELECT name, current_setting(name)
FROM pg_catalog.pg_settings
WHERE (category LIKE 'Query Tuning%'
       OR name IN ('work_mem', 'hash_mem_multiplier', 'max_parallel_workers_per_gather',
                   'max_parallel_workers', 'parallel_leader_participation',
                   'temp_buffers', 'effective_io_concurrency'))
  AND setting IS DISTINCT FROM boot_val
ORDER BY name

-- name: tables
SELECT n.nspname, c.relname, c.relkind::text,
       greatest(c.reltuples, 0)::float8, c.relpages,
       ARRAY(SELECT pn.nspname || '.' || p.relname
             FROM pg_catalog.pg_inherits i
             JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
             JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
             WHERE i.inhrelid = c.oid ORDER BY i.inhseqno),
       pg_get_partkeydef(c.oid),
       ARRAY(SELECT a.attname::text
             FROM pg_catalog.pg_partitioned_table t,
                  unnest(t.partattrs::int2[]) WITH ORDINALITY AS k(number, position)
             JOIN pg_catalog.pg_attribute a ON a.attnum = k.number
             WHERE t.partrelid = c.oid AND a.attrelid = c.oid AND k.number > 0
             ORDER BY k.position),
       pg_get_expr(c.relpartbound, c.oid),
       (SELECT option_value::int FROM pg_options_to_table(c.reloptions)
        WHERE option_name = 'fillfactor')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY n.nspname, c.relname

-- name: columns
WITH RECURSIVE base AS (
  SELECT oid, oid AS base, (-1)::int AS modifier FROM pg_catalog.pg_type WHERE typtype <> 'd'
  UNION ALL
  SELECT t.oid, b.base, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE b.modifier END
  FROM pg_catalog.pg_type t JOIN base b ON t.typbasetype = b.oid
  WHERE t.typtype = 'd'
), labels AS (
  SELECT enumtypid, array_agg(enumlabel::text ORDER BY enumsortorder) AS labels
  FROM pg_catalog.pg_enum GROUP BY enumtypid
)
SELECT n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
       a.attnum, a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
       a.attidentity <> '', a.attgenerated <> '',
       t.typname, t.typcategory::text, t.typlen,
       CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE b.modifier END,
       coalesce(l.labels, '{}'), nullif(k.collname, 'default')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN base b ON b.oid = a.atttypid
JOIN pg_catalog.pg_type t ON t.oid = b.base
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN labels l ON l.enumtypid = b.base
LEFT JOIN pg_catalog.pg_collation k ON k.oid = a.attcollation
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1, a.attnum

-- name: constraints
-- Columns by number: to name those of each constraint takes longer than all the rest.
SELECT n.nspname || '.' || c.relname, s.conname, s.contype::text, coalesce(s.conkey, '{}'),
       pg_get_constraintdef(s.oid), fn.nspname || '.' || f.relname, coalesce(s.confkey, '{}')
FROM pg_catalog.pg_constraint s
JOIN pg_catalog.pg_class c ON c.oid = s.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class f ON f.oid = s.confrelid
LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't' AND s.contype <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')
  -- A foreign key to a partitioned table also has an entry for each of its partitions.
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint whole
                  WHERE whole.oid = s.conparentid AND whole.conrelid = s.conrelid)
ORDER BY 1, s.conname

-- name: indexes
-- Domains are few and types are many: only they are looked up for each index, in a small list.
WITH RECURSIVE domains AS (
  SELECT oid, typbasetype AS below FROM pg_catalog.pg_type WHERE typtype = 'd'
  UNION ALL
  SELECT d.oid, t.typbasetype FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.below
  WHERE t.typtype = 'd'
), base AS MATERIALIZED (
  SELECT d.oid, t.typname FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.below
  WHERE t.typtype <> 'd'
)
SELECT c.relname, n.nspname, tn.nspname || '.' || t.relname, m.amname,
       k.texts[:i.indnkeyatts], k.texts[i.indnkeyatts + 1:],
       k.opclasses, k.descending, k.collations,
       pg_get_expr(i.indpred, i.indrelid, true),
       i.indisunique, i.indisprimary, i.indisvalid,
       s.conname,
       (SELECT pn.nspname || '.' || p.relname
        FROM pg_catalog.pg_inherits h
        JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
        JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
        WHERE h.inhrelid = c.oid),
       pg_get_indexdef(c.oid), c.relpages, greatest(c.reltuples, 0)::float8,
       k.attributes[:i.indnkeyatts], k.types[:i.indnkeyatts],
       (SELECT option_value::int FROM pg_options_to_table(c.reloptions)
        WHERE option_name = 'fillfactor')
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_catalog.pg_am m ON m.oid = c.relam
LEFT JOIN pg_catalog.pg_constraint s
  ON s.conindid = c.oid AND s.contype IN ('p', 'u', 'x') AND s.conrelid = i.indrelid
CROSS JOIN LATERAL (
  SELECT array_agg(pg_get_indexdef(c.oid, a.attnum, true) ORDER BY a.attnum) AS texts,
         array_agg(a.attname::text ORDER BY a.attnum) AS attributes,
         array_agg(coalesce(b.typname, y.typname)::text ORDER BY a.attnum) AS types,
         array_agg(o.opcname::text ORDER BY a.attnum) FILTER (WHERE o.oid IS NOT NULL)
           AS opclasses,
         array_agg((i.indoption[a.attnum - 1] & 1) = 1 ORDER BY a.attnum)
           FILTER (WHERE o.oid IS NOT NULL) AS descending,
         array_agg(nullif(l.collname::text, 'default') ORDER BY a.attnum)
           FILTER (WHERE o.oid IS NOT NULL) AS collations
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
  LEFT JOIN base b ON b.oid = y.oid
  LEFT JOIN pg_catalog.pg_opclass o
    ON a.attnum <= i.indnkeyatts AND o.oid = i.indclass[a.attnum - 1]
  LEFT JOIN pg_catalog.pg_collation l
    ON a.attnum <= i.indnkeyatts AND l.oid = i.indcollation[a.attnum - 1]
  WHERE a.attrelid = c.oid
) k
WHERE {wanted} AND t.relkind IN ('r', 'p', 'm') AND t.relpersistence <> 't'
  AND tn.nspname !~ '^pg_' AND tn.nspname NOT IN ('information_schema', 'planguard')
ORDER BY n.nspname, c.relname

-- name: views
-- A view's rule depends on what the view reads; on the view itself, too.
WITH RECURSIVE reads AS (
  SELECT DISTINCT r.ev_class AS view, d.refobjid AS relation
  FROM pg_catalog.pg_rewrite r
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass
   AND d.objid = r.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
   AND d.refobjid <> r.ev_class
  JOIN pg_catalog.pg_class v ON v.oid = r.ev_class AND v.relkind = 'v'
), through AS (
  SELECT view, relation FROM reads
  UNION
  SELECT t.view, r.relation FROM through t JOIN reads r ON r.view = t.relation
)
SELECT vn.nspname || '.' || v.relname, n.nspname || '.' || c.relname
FROM through t
JOIN pg_catalog.pg_class v ON v.oid = t.view
JOIN pg_catalog.pg_namespace vn ON vn.oid = v.relnamespace
JOIN pg_catalog.pg_class c ON c.oid = t.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f')
  AND vn.nspname !~ '^pg_' AND vn.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1, 2

-- name: guarded
SELECT n.nspname || '.' || c.relname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relrowsecurity AND n.nspname !~ '^pg_'
ORDER BY 1
