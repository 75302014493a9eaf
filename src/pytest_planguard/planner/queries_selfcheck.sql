-- name: metapages
-- As much of each btree's first page as its height needs; others may not read files.
SELECT n.nspname || '.' || c.relname, pg_read_binary_file(pg_relation_filepath(c.oid), 0, 48)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'btree'
WHERE c.relkind = 'i' AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')
  AND (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
