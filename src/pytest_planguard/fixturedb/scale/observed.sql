-- name: columns
-- Arrays of any type print as array literals, which read back as arrays of text.
SELECT s.schemaname || '.' || s.tablename, s.attname, s.inherited, s.null_frac, s.avg_width,
       s.n_distinct, s.most_common_vals::text::text[], s.most_common_freqs,
       s.histogram_bounds::text::text[], s.correlation, s.most_common_elems::text::text[],
       s.most_common_elem_freqs, s.elem_count_histogram
FROM pg_catalog.pg_stats s
WHERE s.schemaname !~ '^pg_' AND s.schemaname NOT IN ('information_schema', 'planguard')
ORDER BY 1, 2, 3

-- name: visible
SELECT n.nspname || '.' || c.relname, c.relallvisible
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relallvisible > 0

-- name: metapages
SELECT n.nspname || '.' || c.relname,
       pg_read_binary_file(pg_relation_filepath(c.oid), 0, 48)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'btree'
WHERE c.relkind = 'i' AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')
