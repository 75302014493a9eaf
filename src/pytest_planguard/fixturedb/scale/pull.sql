-- name: neutral
-- What the session prints must not depend on the role that reads: definitions are printed as a
-- session with the default search_path prints them, values in ISO style and in UTC.
SELECT set_config('search_path', 'public', true), set_config('TimeZone', 'UTC', true),
       set_config('DateStyle', 'ISO, YMD', true), set_config('IntervalStyle', 'postgres', true),
       set_config('extra_float_digits', '1', true), set_config('bytea_output', 'hex', true),
       set_config('quote_all_identifiers', 'off', true)

-- name: locked
-- What somebody has exclusively, or waits for: its size and definitions cannot be had without
-- waiting too (deparsing an expression opens its table). An empty definition is one not read.
SELECT l.relation FROM pg_catalog.pg_locks l
WHERE l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())

-- name: database
-- The locale's column was renamed in 17 and is new in 15; to_jsonb reads whichever is there.
SELECT current_setting('server_version_num')::int,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', d.datcollate::text),
       CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin'
                                             ELSE 'libc' END,
       pg_encoding_to_char(d.encoding),
       to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
       (SELECT s.spcoptions FROM pg_catalog.pg_tablespace s WHERE s.oid = d.dattablespace),
       current_setting('block_size')::int
FROM pg_catalog.pg_database d
WHERE d.datname = current_database()

-- name: rights
SELECT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
       has_table_privilege('pg_catalog.pg_statistic', 'SELECT'),
       has_function_privilege('pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)',
                              'EXECUTE'),
       pg_is_in_recovery()

-- name: settings
-- Of the server, and of the database for everybody: what was set for the role that reads, or by
-- its connection, is told by the source.
SELECT name, current_setting(name), source IN ('user', 'database user', 'client', 'session')
FROM pg_catalog.pg_settings
WHERE (category LIKE 'Query Tuning%'
       OR name IN ('work_mem', 'hash_mem_multiplier', 'max_parallel_workers_per_gather',
                   'max_parallel_workers', 'parallel_leader_participation',
                   'temp_buffers', 'effective_io_concurrency'))
  AND setting IS DISTINCT FROM boot_val
ORDER BY name

-- name: quick
-- Only now that the settings were read. Compiling the queries below takes longer than they do.
SELECT set_config('jit', 'off', true)

-- name: roles
SELECT r.rolname, o.option_name, o.option_value
FROM pg_catalog.pg_db_role_setting s
JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
CROSS JOIN LATERAL pg_options_to_table(s.setconfig) o
JOIN pg_catalog.pg_settings p ON p.name = o.option_name
WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database
                            WHERE datname = current_database()))
  AND (p.category LIKE 'Query Tuning%'
       OR p.name IN ('work_mem', 'hash_mem_multiplier', 'max_parallel_workers_per_gather',
                     'max_parallel_workers', 'parallel_leader_participation', 'temp_buffers',
                     'effective_io_concurrency', 'search_path'))
ORDER BY 1, 2

-- name: dotted
-- Relations are known by schema.name, which is taken apart at its first dot: the queries below
-- leave these schemas out.
SELECT n.nspname::text, count(*)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
  AND n.nspname ~ '[.]' AND n.nspname !~ '^pg_'
GROUP BY 1
ORDER BY 1

-- name: tablespaces
SELECT s.spcname, s.spcoptions, count(*)
FROM pg_catalog.pg_tablespace s
JOIN pg_catalog.pg_class c ON c.reltablespace = s.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE s.spcoptions IS NOT NULL AND c.relkind IN ('r', 'm', 'i') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_|[.]' AND n.nspname NOT IN ('information_schema', 'planguard')
GROUP BY 1, 2
ORDER BY 1

-- name: tables
SELECT n.nspname || '.' || c.relname, c.relkind::text, c.reltuples, c.relpages, c.relallvisible,
       ARRAY(SELECT pn.nspname || '.' || p.relname
             FROM pg_catalog.pg_inherits i
             JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
             JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
             WHERE i.inhrelid = c.oid AND pn.nspname !~ '[.]' ORDER BY i.inhseqno),
       coalesce(to_char(greatest(pg_stat_get_last_analyze_time(c.oid),
                                 pg_stat_get_last_autoanalyze_time(c.oid)) AT TIME ZONE 'UTC',
                        'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'), ''),
       CASE WHEN c.oid IN ({locked}) THEN '' ELSE coalesce(pg_get_expr(c.relpartbound, c.oid), '') END,
       CASE WHEN c.relispartition THEN 0 ELSE coalesce(
         (SELECT count(*) FROM pg_catalog.pg_inherits own
          JOIN pg_catalog.pg_inherits i ON i.inhparent = own.inhparent AND i.inhrelid <= c.oid
          WHERE own.inhrelid = c.oid AND own.inhseqno = 1), 0)::int END
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_|[.]' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY n.nspname, c.relname

-- name: columns
SELECT n.nspname || '.' || c.relname, a.attname,
       format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
       CASE WHEN a.attcollation NOT IN (0, 'pg_catalog."default"'::regcollation)
            THEN a.attcollation::regcollation::text ELSE '' END
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_|[.]' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1, a.attnum

-- name: constraints
-- NOT NULL is a constraint of its own since 18: the columns' types say it, on all versions alike.
SELECT n.nspname || '.' || c.relname, s.conname,
       CASE WHEN c.oid IN ({locked}) THEN '' ELSE coalesce(pg_get_constraintdef(s.oid), '') END
FROM pg_catalog.pg_constraint s
JOIN pg_catalog.pg_class c ON c.oid = s.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
  AND s.contype NOT IN ('t', 'n')
  AND n.nspname !~ '^pg_|[.]' AND n.nspname NOT IN ('information_schema', 'planguard')
  -- A foreign key to a partitioned table also has an entry for each of its partitions.
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint whole
                  WHERE whole.oid = s.conparentid AND whole.conrelid = s.conrelid)
ORDER BY 1, 2

-- name: indexes
-- Those of partitioned tables have no file: their partitions' indexes stand for them.
SELECT n.nspname || '.' || t.relname, c.relname, m.amname, i.indisvalid, c.relpages, c.reltuples,
       row_number() OVER (PARTITION BY i.indrelid ORDER BY i.indexrelid),
       CASE WHEN t.oid IN ({locked}) OR c.oid IN ({locked}) THEN ''
            ELSE coalesce(pg_get_indexdef(c.oid), '') END,
       n.nspname
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
JOIN pg_catalog.pg_am m ON m.oid = c.relam
WHERE t.relkind IN ('r', 'm') AND t.relpersistence <> 't' AND c.relkind = 'i'
  AND n.nspname !~ '^pg_|[.]' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1, 7

-- name: index_expressions
SELECT n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
       CASE WHEN a.attcollation NOT IN (0, 'pg_catalog."default"'::regcollation)
            THEN a.attcollation::regcollation::text ELSE '' END
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind = 'i' AND c.relpersistence <> 't' AND i.indkey[a.attnum - 1] = 0
  AND n.nspname !~ '^pg_|[.]' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1, 2

-- name: types
-- Those of columns and expressions, and what they are made of: a domain's base through all
-- domains, a range's subtype. 13 has no multiranges: to_jsonb reads their column where it is.
WITH RECURSIVE ranges AS MATERIALIZED (
  SELECT rngtypid AS oid, rngsubtype FROM pg_catalog.pg_range
  UNION ALL
  SELECT (to_jsonb(r) ->> 'rngmultitypid')::oid, r.rngsubtype FROM pg_catalog.pg_range r
), used AS (
  SELECT DISTINCT a.atttypid AS oid
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm', 'f', 'i') AND c.relpersistence <> 't' AND a.attnum > 0
    AND NOT a.attisdropped
    AND n.nspname !~ '^pg_|[.]' AND n.nspname NOT IN ('information_schema', 'planguard')
  UNION
  SELECT m.oid
  FROM used u
  JOIN pg_catalog.pg_type t ON t.oid = u.oid
  LEFT JOIN ranges r ON r.oid = t.oid
  CROSS JOIN LATERAL (VALUES (t.typbasetype), (r.rngsubtype),
                             (CASE WHEN t.typcategory = 'A' THEN t.typelem END)) AS m(oid)
  WHERE m.oid <> 0
), chain AS (
  SELECT u.oid, u.oid AS base FROM used u
  UNION
  SELECT c.oid, t.typbasetype
  FROM chain c JOIN pg_catalog.pg_type t ON t.oid = c.base AND t.typtype = 'd'
), resolved AS (
  SELECT c.oid, c.base, t.typtype FROM chain c
  JOIN pg_catalog.pg_type t ON t.oid = c.base AND t.typtype <> 'd'
)
SELECT format_type(t.oid, NULL),
       CASE WHEN t.typtype = 'e' THEN 'enum' WHEN t.typtype = 'c' THEN 'composite'
            WHEN t.typtype = 'd' THEN format_type(b.base, NULL)
            WHEN t.typtype IN ('r', 'm') THEN 'range of ' || format_type(s.base, NULL)
            WHEN EXISTS (SELECT FROM pg_catalog.pg_depend d
                         WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid
                           AND d.deptype = 'e') THEN t.typname::text
            ELSE '' END,
       ARRAY(SELECT pg_get_constraintdef(k.oid)
             FROM pg_catalog.pg_constraint k JOIN chain c ON c.base = k.contypid
             WHERE c.oid = t.oid AND k.contype = 'c' ORDER BY k.conname)
FROM pg_catalog.pg_type t
JOIN resolved b ON b.oid = t.oid
LEFT JOIN ranges r ON r.oid = t.oid
LEFT JOIN resolved s ON s.oid = r.rngsubtype
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND NOT (t.typcategory = 'A' AND t.typelem <> 0 AND t.typtype <> 'd')
ORDER BY 1

-- name: sizes
-- The planner believes the file, not relpages (estimate_rel_size in plancat.c).
SELECT n.nspname || '.' || c.relname, pg_relation_size(c.oid) / current_setting('block_size')::int,
       coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0)
         / current_setting('block_size')::int
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'i') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_|[.]' AND n.nspname NOT IN ('information_schema', 'planguard')
  AND c.oid NOT IN ({locked})

-- name: statistics
-- Arrays of any type print as array literals, which read back as arrays of text.
SELECT s.schemaname || '.' || s.tablename, s.attname, s.inherited, s.null_frac, s.avg_width,
       s.n_distinct, s.most_common_vals::text::text[], s.most_common_freqs,
       s.histogram_bounds::text::text[], s.correlation, s.most_common_elems::text::text[],
       s.most_common_elem_freqs, s.elem_count_histogram, {ranges}
FROM pg_catalog.pg_stats s
WHERE s.schemaname !~ '^pg_|[.]' AND s.schemaname NOT IN ('information_schema', 'planguard')
ORDER BY 1, 2, 3

-- name: ranges
-- pg_stats shows the histograms of ranges since 17: kinds 6 (lengths, with the share of empty
-- ranges) and 7 (bounds) of pg_statistic.
SELECT n.nspname || '.' || c.relname, a.attname, s.stainherit, k.kind, k.numbers, k.list
FROM pg_catalog.pg_statistic s
JOIN pg_catalog.pg_class c ON c.oid = s.starelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = s.staattnum
CROSS JOIN LATERAL (VALUES
  (s.stakind1, s.stanumbers1, s.stavalues1::text::text[]),
  (s.stakind2, s.stanumbers2, s.stavalues2::text::text[]),
  (s.stakind3, s.stanumbers3, s.stavalues3::text::text[]),
  (s.stakind4, s.stanumbers4, s.stavalues4::text::text[]),
  (s.stakind5, s.stanumbers5, s.stavalues5::text::text[])) AS k(kind, numbers, list)
WHERE k.kind IN (6, 7) AND n.nspname !~ '^pg_|[.]'
  AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1, 2, 3, 4

-- name: own_analyze
-- Types whose analyze function is none of the server's (PostGIS has one): what it finds are kinds
-- of statistics from 100 on, which only its own operators read and no view shows. A domain has its
-- base type's.
SELECT n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, NULL)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_proc p ON p.oid = t.typanalyze
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
WHERE NOT (p.pronamespace = 'pg_catalog'::regnamespace
           AND p.proname IN ('array_typanalyze', 'range_typanalyze', 'multirange_typanalyze',
                             'ts_typanalyze'))
  AND a.attnum > 0 AND NOT a.attisdropped AND c.relpersistence <> 't'
  AND (c.relkind IN ('r', 'p', 'm', 'f') OR (c.relkind = 'i' AND i.indkey[a.attnum - 1] = 0))
  AND n.nspname !~ '^pg_|[.]' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1, 2

-- name: extended
SELECT n.nspname || '.' || c.relname, sn.nspname || '.' || s.stxname,
       CASE WHEN c.oid IN ({locked}) THEN '' ELSE coalesce(pg_get_statisticsobjdef(s.oid), '') END,
       s.stxkeys::int2[],
       ARRAY(SELECT a.attname::text
             FROM unnest(s.stxkeys::int2[]) WITH ORDINALITY AS k(number, position)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
             ORDER BY k.position),
       CASE WHEN c.oid NOT IN ({locked}) THEN {expressions} END,
       format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_statistic_ext s
JOIN pg_catalog.pg_namespace sn ON sn.oid = s.stxnamespace
JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't'
  AND sn.nspname !~ '[.]'
  AND n.nspname !~ '^pg_|[.]' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1, 2

-- name: extended_numbers
SELECT e.statistics_schemaname || '.' || e.statistics_name, {inherited}, e.n_distinct::text,
       e.dependencies::text, e.most_common_vals, e.most_common_freqs, e.most_common_base_freqs
FROM pg_catalog.pg_stats_ext e
WHERE e.schemaname !~ '^pg_|[.]'
ORDER BY 1, 2

-- name: extended_expressions
SELECT e.statistics_schemaname || '.' || e.statistics_name, {inherited}, e.expr, e.null_frac,
       e.avg_width, e.n_distinct, e.most_common_vals::text::text[], e.most_common_freqs,
       e.histogram_bounds::text::text[], e.correlation, e.most_common_elems::text::text[],
       e.most_common_elem_freqs, e.elem_count_histogram
FROM pg_catalog.pg_stats_ext_exprs e
WHERE e.schemaname !~ '^pg_|[.]' AND e.null_frac IS NOT NULL
ORDER BY 1, 2, 3

-- name: hidden
-- As pg_stats decides what it shows, and to whom; an index's columns have their own rights.
SELECT n.nspname || '.' || c.relname, c.relkind IN ('i', 'I'),
       c.relrowsecurity AND row_security_active(c.oid),
       count(*) FILTER (WHERE NOT has_column_privilege(c.oid, a.attnum, 'SELECT')) = count(*),
       array_agg(a.attname::text ORDER BY a.attnum)
         FILTER (WHERE NOT has_column_privilege(c.oid, a.attnum, 'SELECT'))
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
WHERE c.relpersistence <> 't'
  AND (c.relkind IN ('r', 'p', 'm', 'f') OR (c.relkind = 'i' AND i.indexprs IS NOT NULL))
  AND n.nspname !~ '^pg_|[.]' AND n.nspname NOT IN ('information_schema', 'planguard')
GROUP BY 1, 2, c.oid, c.relrowsecurity
HAVING (c.relrowsecurity AND row_security_active(c.oid))
    OR count(*) FILTER (WHERE NOT has_column_privilege(c.oid, a.attnum, 'SELECT')) > 0
ORDER BY 1

-- name: collated
SELECT x.text FROM unnest(%(texts)s::text[]) AS x(text) ORDER BY x.text {collation}
