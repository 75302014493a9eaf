-- name: index_oids
SELECT n.nspname || '.' || c.relname, c.oid
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('i', 'I') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')

-- name: forget
-- Sessions keep a table's list of indexes until its own row in pg_class is written.
UPDATE pg_catalog.pg_class
SET relhasindex = true
WHERE oid IN (SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = ANY (%(indexes)s))

-- name: renumber
UPDATE {catalog} t
SET {column} = x.new
FROM json_to_recordset(%(pairs)s::json) AS x(old oid, new oid)
WHERE t.{column} = x.old AND {condition}
