-- name: leading
-- Columns and expressions that a whole btree is ordered by, as the planner's own lookup wants it
-- (get_actual_variable_range in selfuncs.c): no partial index, default order, same collation.
WITH RECURSIVE base AS (
  SELECT oid, oid AS base FROM pg_catalog.pg_type WHERE typtype <> 'd'
  UNION ALL
  SELECT t.oid, b.base FROM pg_catalog.pg_type t JOIN base b ON t.typbasetype = b.oid
  WHERE t.typtype = 'd'
)
SELECT DISTINCT n.nspname || '.' || c.relname,
       CASE WHEN i.indkey[0] = 0 THEN x.relname ELSE '' END, a.attname,
       pg_catalog.format_type(b.base, -1), cn.nspname, co.collname
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid AND c.relkind IN ('r', 'm')
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[0] AND o.opcdefault
JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod AND m.amname = 'btree'
JOIN pg_catalog.pg_attribute a
  ON a.attrelid = CASE i.indkey[0] WHEN 0 THEN i.indexrelid ELSE i.indrelid END
 AND a.attnum = CASE i.indkey[0] WHEN 0 THEN 1 ELSE i.indkey[0] END  -- two, to be looked up by
JOIN base b ON b.oid = a.atttypid
LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
WHERE i.indpred IS NULL AND i.indisvalid AND i.indcollation[0] = a.attcollation
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')
ORDER BY 1, 2, 3
