-- name: columns
-- Arrays of any type print as array literals, which read back as arrays of text.
SELECT s.schemaname || '.' || s.tablename, s.attname, s.inherited, s.null_frac, s.avg_width,
       s.n_distinct, s.most_common_vals::text::text[], s.most_common_freqs,
       s.histogram_bounds::text::text[], s.correlation, s.most_common_elems::text::text[],
       s.most_common_elem_freqs, s.elem_count_histogram
FROM pg_catalog.pg_stats s
WHERE s.schemaname !~ '^pg_' AND s.schemaname NOT IN ('information_schema', 'planguard')
ORDER BY 1, 2, 3

-- name: relations
SELECT n.nspname || '.' || c.relname, c.reltuples::float8, c.relallvisible,
       (pg_relation_size(c.oid) / 8192)::int,
       coalesce((pg_relation_size(nullif(c.reltoastrelid, 0)) / 8192)::int, 0),
       row_number() OVER (PARTITION BY i.indrelid ORDER BY c.oid)::int
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
WHERE c.relkind IN ('r', 'm', 'i') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')

-- name: ranges
-- The view shows them since 17 only.
SELECT n.nspname || '.' || c.relname, a.attname, s.stainherit,
       CASE 7 WHEN stakind1 THEN stavalues1 WHEN stakind2 THEN stavalues2
              WHEN stakind3 THEN stavalues3 END::text::text[],
       CASE 6 WHEN stakind1 THEN stavalues1 WHEN stakind2 THEN stavalues2
              WHEN stakind3 THEN stavalues3 END::text::float8[],
       (CASE 6 WHEN stakind1 THEN stanumbers1 WHEN stakind2 THEN stanumbers2
               WHEN stakind3 THEN stanumbers3 END)[1]
FROM pg_catalog.pg_statistic s
JOIN pg_catalog.pg_class c ON c.oid = s.starelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = s.staattnum
WHERE 6 IN (stakind1, stakind2, stakind3) OR 7 IN (stakind1, stakind2, stakind3)

-- name: metapages
-- A checkpoint does not write those of unlogged indexes.
SELECT n.nspname || '.' || c.relname, m.amname,
       pg_read_binary_file(pg_relation_filepath(c.oid), 0, 80)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname IN ('btree', 'gin')
WHERE c.relkind = 'i' AND c.relpersistence = 'p'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')

-- name: objects
SELECT sn.nspname || '.' || s.stxname, tn.nspname || '.' || t.relname,
       pg_get_statisticsobjdef(s.oid),
       ARRAY(SELECT a.attname::text
             FROM unnest(s.stxkeys::int2[]) WITH ORDINALITY AS k(number, position)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = k.number
             ORDER BY k.position),
       s.stxkeys::int2[], coalesce({expressions}, '{{}}'), {inherited},
       d.stxdndistinct::text, d.stxddependencies::text,
       (SELECT json_agg(m.values ORDER BY m.index) FROM pg_mcv_list_items(d.stxdmcv) m),
       ARRAY(SELECT m.frequency FROM pg_mcv_list_items(d.stxdmcv) m ORDER BY m.index),
       ARRAY(SELECT m.base_frequency FROM pg_mcv_list_items(d.stxdmcv) m ORDER BY m.index)
FROM pg_catalog.pg_statistic_ext s
JOIN pg_catalog.pg_statistic_ext_data d ON d.stxoid = s.oid
JOIN pg_catalog.pg_namespace sn ON sn.oid = s.stxnamespace
JOIN pg_catalog.pg_class t ON t.oid = s.stxrelid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
ORDER BY 1

-- name: expressions
SELECT x.statistics_schemaname || '.' || x.statistics_name, {inherited}, x.expr,
       x.null_frac, x.avg_width, x.n_distinct, x.most_common_vals::text::text[],
       x.most_common_freqs, x.histogram_bounds::text::text[], x.correlation,
       x.most_common_elems::text::text[], x.most_common_elem_freqs, x.elem_count_histogram
FROM pg_catalog.pg_stats_ext_exprs x
