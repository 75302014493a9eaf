-- name: counts
-- Tables and indexes as a catalog has them: where these differ, nothing else has to be read.
SELECT count(*) FILTER (WHERE c.relkind IN ('r', 'p', 'm', 'f')),
       count(*) FILTER (WHERE c.relkind IN ('i', 'I'))
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'planguard')
