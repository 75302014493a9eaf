-- name: index_oids
SELECT n.nspname || '.' || c.relname, c.oid
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('i', 'I') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')

-- name: heirs
-- Each table that inherits, with what stored queries (views, functions, policies) name it by its
-- OID in their text: those can't be told that it has another.
SELECT pn.nspname || '.' || p.relname, n.nspname || '.' || c.relname, c.oid,
       EXISTS (SELECT FROM pg_catalog.pg_depend d
               WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
                 AND d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass,
                                   'pg_policy'::regclass))
FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
WHERE c.relkind IN ('r', 'f') AND NOT c.relispartition AND i.inhseqno = 1
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1, c.oid

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
