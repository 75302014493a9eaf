-- name: relation_files
SELECT n.nspname || '.' || c.relname, c.relkind::text, m.amname, pg_relation_filepath(c.oid),
       c.relpersistence = 'u'
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
WHERE c.relkind IN ('r', 'm', 'i') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1

-- name: present_files
SELECT path, (pg_stat_file(path)).size,
       CASE WHEN wanted THEN pg_read_binary_file(path, 0, 8192) END
FROM unnest(%(paths)s::text[], %(wanted)s::bool[]) AS x(path, wanted)
